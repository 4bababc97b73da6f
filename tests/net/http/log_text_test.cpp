#include "net/http/log_text.hpp"

#include <gtest/gtest.h>

#include "net/http/json_reader.hpp"
#include "net/http/log.hpp"
#include "tests/support/json.hpp"

namespace revoked::net::log_text_test {

using namespace std::string_literals;

std::string written(std::string_view text) {
  std::string out;
  append_log_text(out, text);
  return out;
}

TEST(LogText, ShowsWhatIsThere) {
  EXPECT_EQ(written(""), R"("")");
  EXPECT_EQ(written("alice"), R"("alice")");
  EXPECT_EQ(written("auth0|5f two words"), R"("auth0|5f two words")");
  EXPECT_EQ(written("Zoë 東京 🔑"), R"("Zoë 東京 🔑")");
  EXPECT_EQ(written(R"(a"b\c)"), R"("a\"b\\c")");
}

TEST(LogText, EscapesWhatMovesOrHides) {
  EXPECT_EQ(written("a\u2028b"), R"("a\u2028b")");
  EXPECT_EQ(written("a\u2029b"), R"("a\u2029b")");
  EXPECT_EQ(written("a\u202eb"), R"("a\u202eb")");
  EXPECT_EQ(written("\u2066a\u2069"), R"("\u2066a\u2069")");
  EXPECT_EQ(written("a\u200bb\ufeff"), R"("a\u200bb\ufeff")");
  EXPECT_EQ(written("a\u00a0b\u3000"), R"("a\u00a0b\u3000")");
  EXPECT_EQ(written("a\u00adb"), R"("a\u00adb")");
  EXPECT_EQ(written("a\n\r\t\x1b[31m\x7f\0"s), R"("a\u000a\u000d\u0009\u001b[31m\u007f\u0000")");
  EXPECT_EQ(written("\u0085\u009b"), R"("\u0085\u009b")");
  EXPECT_EQ(written("a\U000e0041"), R"("a\udb40\udc41")");
}

TEST(LogText, EscapesABlankAtEitherEnd) {
  EXPECT_EQ(written(" master"), R"("\u0020master")");
  EXPECT_EQ(written("master "), R"("master\u0020")");
  EXPECT_EQ(written(" "), R"("\u0020")");
  EXPECT_EQ(written("a b"), R"("a b")");
}

TEST(LogText, StaysJsonWhateverItIsGiven) {
  EXPECT_EQ(written("a\xff"), R"("a\ufffd")");
  EXPECT_EQ(written("\xc0\x80"), R"("\ufffd\ufffd")") << "overlong";
  EXPECT_EQ(written("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")") << "a surrogate";
  EXPECT_EQ(written("\xf5\x80\x80\x80"), R"("\ufffd\ufffd\ufffd\ufffd")");
  EXPECT_EQ(written("\xe2\x80"), R"("\ufffd\ufffd")") << "cut short";
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  for (const auto& text : {all, all.substr(0x80), std::string(5000, '\xe2'), std::string(5000, 'a')}) {
    const auto line = written(text);
    EXPECT_TRUE(read_json_object("{\"v\":" + line + "}")) << line;
    EXPECT_LE(line.size(), 6 * max_log_text_bytes + 8);
  }
}

// A parser of the line gets the original text.
TEST(LogText, CanBeReadBack) {
  const std::string text = " a\u2028\u202e\U000e0041\n\"\\ Zoë ";
  const auto read = read_json_object("{\"v\":" + written(text) + "}");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->front().text, text);
}

TEST(LogText, IsCutAtTheEndOfACharacter) {
  std::string most(max_log_text_bytes - 1, 'a');
  std::string longer = most;
  longer.append("ë and more");
  EXPECT_EQ(written(longer), most.insert(0, "\"").append("…\""));
  const std::string whole(max_log_text_bytes, 'a');
  EXPECT_EQ(written(whole).size(), whole.size() + 2);
}

TEST(Log, LinesHoldNothingRawThatACallerWrote) {
  testing::internal::CaptureStderr();
  log(Level::info, "revoked", {{"actor", " ali\u202ece\u2028\xff"}});
  const auto line = testing::internal::GetCapturedStderr();
  EXPECT_NE(line.find(R"("actor":"\u0020ali\u202ece\u2028\ufffd")"), std::string::npos) << line;
}

TEST(Log, LinesThatCallersCauseAreBoundedForEachAndTheRestIsCounted) {
  LogLimit limit;
  const engine::Asker loud{"w1", engine::ActorKind::token, "loud"};
  const engine::Asker quiet{"w1", engine::ActorKind::token, "quiet"};
  const auto lines_of = [&](const engine::Asker& asker, int count) {
    testing::internal::CaptureStderr();
    for (int i = 0; i < count; ++i) log(limit, asker, Level::info, "refused");
    const auto lines = testing::internal::GetCapturedStderr();
    return std::count(lines.begin(), lines.end(), '\n');
  };
  EXPECT_LE(lines_of({}, 1000), 40);
  EXPECT_LE(lines_of(loud, 1000), 40);
  EXPECT_EQ(lines_of(quiet, 3), 3);
}

}  // namespace revoked::net::log_text_test
