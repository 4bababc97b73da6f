#include "engine/model/secret.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <vector>

namespace revoked::engine::secret_test {

constexpr std::string_view base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

TEST(Secret, HasPrefixRandomPartAndChecksum) {
  for (const std::string_view prefix : {"rvk", "a", "sixteenLettersOK"}) {
    const auto secret = new_secret(prefix);
    EXPECT_EQ(secret.size(), prefix.size() + 1 + 40 + 6);
    EXPECT_EQ(secret.substr(0, prefix.size() + 1), std::string(prefix) + "_");
    EXPECT_EQ(secret.find_first_not_of(base62, prefix.size() + 1), std::string::npos) << secret;
    EXPECT_TRUE(is_issued_secret(secret, prefix));
    EXPECT_FALSE(is_issued_secret(secret, "other"));
  }
}

TEST(Secret, ChecksumIsCrc32OfAllThatStandsBefore) {
  // Computed with another implementation: crc32("rvk_" + 40 zeros) as six base62 digits.
  const std::string body = "rvk_0000000000000000000000000000000000000000";
  EXPECT_TRUE(is_issued_secret(body + "1uHnol", "rvk"));
}

TEST(Secret, AnyOneWrongCharacterIsCaught) {
  const auto secret = new_secret("rvk");
  for (std::size_t at = 0; at < secret.size(); ++at) {
    for (int c = 0; c < 256; ++c) {
      auto wrong = secret;
      wrong[at] = static_cast<char>(c);
      ASSERT_EQ(is_issued_secret(wrong, "rvk"), wrong == secret) << wrong;
    }
  }
}

TEST(Secret, WrongLengthIsCaught) {
  const auto secret = new_secret("rvk");
  for (std::size_t size = 0; size < secret.size(); ++size) {
    EXPECT_FALSE(is_issued_secret(std::string(secret, 0, size), "rvk"));
  }
  EXPECT_FALSE(is_issued_secret(secret + "0", "rvk"));
}

TEST(Secret, CharactersAreEquallyLikely) {
  constexpr int secrets = 5000;
  std::array<int, 256> seen{};
  std::set<std::string> all;
  for (int i = 0; i < secrets; ++i) {
    const auto secret = new_secret("rvk");
    for (const unsigned char c : secret.substr(4, 40)) ++seen[c];
    all.insert(secret);
  }
  EXPECT_EQ(all.size(), 5000u);
  // About 3226 each, with a deviation of 57: seven deviations exclude chance. A plain `byte % 62` would make
  // the first eight 25 % more likely.
  constexpr double expected = secrets * 40 / 62.0;
  for (const unsigned char c : base62) EXPECT_NEAR(seen[c], expected, 400) << c;
}

TEST(KeyPrefix, Is1To16LettersOrDigits) {
  EXPECT_TRUE(is_key_prefix(default_key_prefix));
  EXPECT_TRUE(is_key_prefix(std::string(16, 'a')));
  EXPECT_FALSE(is_key_prefix(std::string(17, 'a')));
  for (const char* text : {"", "_", "a_b", "a-b", "a b", "a.b"}) EXPECT_FALSE(is_key_prefix(text)) << text;
}

TEST(Secret, ThatIsBroughtAlongIsPrintableAndOfSomeSize) {
  for (const std::string_view good :
       {"eight888", "with blank inside", "Zoë's secret", "\"quoted\" within", "https://example.org/?a=%20"}) {
    EXPECT_TRUE(is_secret(good)) << good;
    EXPECT_EQ(reported_secret(good), good);
  }
  EXPECT_TRUE(is_secret(std::string(max_secret_size, 's')));
  EXPECT_FALSE(is_secret(std::string(max_secret_size + 1, 's')));
  for (const std::string_view bad : {"", "seven77", " eight888", "eight888 ", "eight888\n", "\ufeffeight888",
                                     "eight\x01"
                                     "888",
                                     "eight888\x7f",
                                     "eight\xc2\x85"
                                     "888",
                                     "eight\xff"
                                     "888",
                                     "eight888\u00a0"}) {
    EXPECT_FALSE(is_secret(bad)) << bad;
  }
}

TEST(Secret, AsItIsReportedLosesWhatStandsAroundIt) {
  for (const std::string_view reported :
       {"eight888", "eight888\n", "\r\n\teight888 \r\n", "\"eight888\"", "'eight888'\n", "`eight888`",
        "\ufeffeight888", "\ufeff \" 'eight888' \"\u00a0", "\v\feight888"}) {
    EXPECT_EQ(reported_secret(reported), "eight888") << reported;
  }
  EXPECT_EQ(reported_secret("\"eight888'"), "\"eight888'") << "not a pair";
  EXPECT_EQ(reported_secret("\""), "\"");
  EXPECT_EQ(reported_secret(" \n"), "");
}

TEST(Secret, AsItIsReportedIsReadFromTheOutsideInwards) {
  const auto readings = [](std::string_view reported) {
    const auto found = readings_of(reported);
    return std::vector<std::string>(found.begin(), found.end());
  };
  EXPECT_EQ(readings(" '` eight888 `'\n"),
            (std::vector<std::string>{"'` eight888 `'", "` eight888 `", "eight888"}));
  EXPECT_EQ(readings("eight888"), std::vector<std::string>{"eight888"});
  EXPECT_EQ(readings("'"), std::vector<std::string>{"'"});
  EXPECT_TRUE(is_reported_secret("'eight888'"));
  EXPECT_TRUE(is_reported_secret("'six666'")) << "the quotes may belong to it";
  EXPECT_FALSE(is_reported_secret("'five5'"));
  EXPECT_FALSE(is_reported_secret(" seven77 "));
}

TEST(Secret, P13FairHasFewReadingsHoweverManyQuotesThereAre) {
  const std::string quotes(4000, '\'');
  const auto readings = readings_of(quotes);
  EXPECT_EQ(readings.count, max_quote_pairs + 1);
}

}  // namespace revoked::engine::secret_test
