#include "net/http/query.hpp"

#include <gtest/gtest.h>

namespace revoked::net::query_test {

bool is_word(std::string_view text) { return !text.empty(); }
constexpr QueryParameter taken[] = {{"dry_run", boolean_form, is_boolean_text},
                                    {"reason", "a word", is_word}};

std::string wrong_with(std::string_view text) {
  Query query;
  return query.read(text, taken);
}

TEST(Query, HasWhatItsRouteTakes) {
  Query query;
  ASSERT_EQ(query.read("dry_run=true&reason=left%20the+company%2B&", taken), "");
  EXPECT_TRUE(query.is_true("dry_run"));
  EXPECT_EQ(query.value_or_empty("reason"), "left the company+");
  EXPECT_FALSE(Query().is_true("dry_run"));
  EXPECT_EQ(Query().value_or_empty("reason"), "");
}

TEST(Query, ReadsEncodedNames) {
  Query query;
  ASSERT_EQ(query.read("dry%5Frun=true", taken), "");
  EXPECT_TRUE(query.is_true("dry_run"));
}

TEST(Query, RefusesAndNamesWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"dry_run=1", "dry_run"},
      {"dry_run=True", "dry_run"},
      {"dry_run=yes", "dry_run"},
      {"dry_run", "dry_run"},
      {"dry_run=", "dry_run"},
      {"dryRun=true", "dryRun"},
      {"dry-run=true", "dry-run"},
      {"DRY_RUN=true", "DRY_RUN"},
      {"reason=a&reason=a", "reason"},
      {"reason=a&dry_run=x", "dry_run"},
      {"=true", ""},
      {"other=", "other"},
      {"dry_run=true&dry%5frun=true", "dry_run"},
      {"reason=%zz", "reason"},
  };
  for (const auto& [text, wrong_name] : cases) {
    Query query;
    EXPECT_NE(query.read(text, taken), "") << text;
    EXPECT_EQ(query.wrong_name(), wrong_name) << text;
  }
  EXPECT_EQ(wrong_with("dryRun=true"), "unknown parameter \"dryRun\": this call takes dry_run, reason");
  EXPECT_EQ(wrong_with("dry_run=1"), "parameter \"dry_run\" must be true or false");
}

TEST(Query, ShowsNothingThatMayBeASecret) {
  const std::string secret = "rvk_0123456789012345678901234567890123456789abcdef";
  EXPECT_EQ(wrong_with(secret).find(secret), std::string::npos);
  EXPECT_EQ(wrong_with("dry_run=" + secret).find(secret), std::string::npos);
}

}  // namespace revoked::net::query_test
