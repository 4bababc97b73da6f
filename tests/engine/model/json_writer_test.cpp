#include "engine/model/json_writer.hpp"

#include <gtest/gtest.h>

#include "tests/support/json.hpp"

namespace revoked::engine::json_writer_test {

using revoked::test::Json;

std::string in_quotes(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonWriter, SeparatesWhatItWrites) {
  std::string out = "before ";
  JsonWriter json(out);
  json.open('{').field("a", "b").field("n", std::uint64_t{18446744073709551615u}).field("t", true);
  json.key("list").open('[').value("x").value(std::uint64_t{0}).null().open('{').close('}').close(']');
  json.optional_field("none", "").optional_field("some", "s").field("at", engine::Position{3, 1041});
  json.members(",\"raw\":[1]").members("").key("time").time(0).close('}');
  EXPECT_EQ(out, R"(before {"a":"b","n":18446744073709551615,"t":true,"list":["x",0,null,{}],)"
                 R"("some":"s","at":"3-1041","raw":[1],"time":"1970-01-01T00:00:00.000Z"})");
}

TEST(JsonWriter, FindsWhatNeedsAnEscapeWhereverItStands) {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string plain(size, 'x');
    EXPECT_EQ(in_quotes(plain), '"' + plain + '"');
    EXPECT_TRUE(needs_no_escape(plain));
    for (std::size_t at = 0; at < size; ++at) {
      for (const char c : {'"', '\\', '\0', '\n', '\x1f', '\x7f'}) {
        auto text = plain;
        text[at] = c;
        ASSERT_FALSE(needs_no_escape(text)) << size << " " << at << " " << int{c};
        std::string out;
        JsonWriter(out).open('[').value(text).close(']');
        ASSERT_EQ(out, '[' + in_quotes(text) + ']');
        ASSERT_EQ(Json::parse(out)[std::size_t{0}].text(), text);
      }
      for (const std::string_view letter : {" ", "!", "#", "[", "]", "~", "\xc3\xa4", "\xf0\x9f\x94\x91"}) {
        auto text = plain;
        text.replace(at, 1, letter);
        ASSERT_EQ(in_quotes(text), '"' + text + '"') << size << " " << at << " " << letter;
      }
    }
  }
}

TEST(JsonWriter, WritesPiecesOfAnySize) {
  for (std::size_t size = 0; size < 1500; size += 7) {
    const std::string text(size, 'v');
    const std::string name(size + 1, 'k');
    std::string out;
    JsonWriter json(out);
    json.open('{').field("first", "1").key(name).open('[').value(text).raw('"' + text + '"').close(']');
    json.field("last", text).close('}');
    ASSERT_EQ(out, R"({"first":"1",")" + name + R"(":[")" + text + R"(",")" + text + R"("],"last":")" + text +
                       "\"}");
  }
}

TEST(JsonWriter, WritesMoreThanItGathers) {
  std::string expected = "[";
  std::string out;
  JsonWriter json(out);
  json.open('[');
  for (std::uint64_t i = 0; i < 1000; ++i) {
    json.value(i);
    expected += (i == 0 ? "" : ",") + std::to_string(i);
  }
  json.close(']');
  EXPECT_EQ(out, expected + "]");
}

}  // namespace revoked::engine::json_writer_test
