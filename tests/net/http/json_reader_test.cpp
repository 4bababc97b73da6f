#include "net/http/json_reader.hpp"

#include <gtest/gtest.h>

namespace revoked::net::json_reader_test {

using Kind = JsonMember::Kind;

bool reads(std::string_view body) { return read_json_object(body).has_value(); }

std::string nested(std::size_t depth, char open = '[', char close = ']') {
  return std::string(depth, open) + std::string(depth, close);
}

TEST(JsonReader, ReadsMembersOfEveryKind) {
  const auto members = read_json_object(
      R"( {"n":null, "t":true, "f":false, "i":-7, "s":"a\n\u00e4", "l":["x","y"], "o":{ "a" : [1, 2.5] }} )");
  ASSERT_TRUE(members);
  ASSERT_EQ(members->size(), 7);
  const auto& m = *members;
  EXPECT_EQ(m[0].name, "n");
  EXPECT_EQ(m[0].kind, Kind::null);
  EXPECT_TRUE(m[1].kind == Kind::boolean && m[1].truth);
  EXPECT_TRUE(m[2].kind == Kind::boolean && !m[2].truth);
  EXPECT_TRUE(m[3].kind == Kind::number && m[3].number == -7);
  EXPECT_EQ(m[4].kind, Kind::string);
  EXPECT_EQ(m[4].text, "a\n\xc3\xa4");
  EXPECT_EQ(m[5].kind, Kind::strings);
  EXPECT_EQ(m[5].strings, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(m[6].kind, Kind::object);
  EXPECT_EQ(m[6].text, R"({"a":[1,2.5]})");
}

TEST(JsonReader, ReadsEmptyThings) {
  ASSERT_TRUE(reads("{}"));
  EXPECT_TRUE(read_json_object("{}")->empty());
  const auto members = read_json_object(R"({"":"", "a":[], "b":{}})");
  ASSERT_TRUE(members);
  EXPECT_EQ((*members)[0].name, "");
  EXPECT_EQ((*members)[1].kind, Kind::strings);
  EXPECT_EQ((*members)[2].text, "{}");
}

TEST(JsonReader, KeepsAnObjectAsItWasSentButForWhiteSpace) {
  const auto text_of = [](std::string_view value) {
    const auto members =
        read_json_object(R"({"before":[{"x":"}"}],"o\"{":)" + std::string(value) + R"( , "after" : {} })");
    EXPECT_TRUE(members) << value;
    return members ? (*members)[1].text : std::string();
  };
  for (const auto* sent :
       {R"({"a":1e14})", R"({"a":[100000000000000.0,-0,0.10,1E-7]})", R"({})", R"({"":{}})",
        R"({"\u0041\\":"\u00e4\"}],{","b":"\\"})", R"({"a":[[],[{}]],"b":{"c":{"d":null}}})"}) {
    EXPECT_EQ(text_of(sent), sent);
  }
  EXPECT_EQ(text_of("{ \"a b\" :\t[ 1.0 ,\n\"  \" ]\r\n} "), "{\"a b\":[1.0,\"  \"]}");
}

TEST(JsonReader, RefusesAMemberGivenTwice) {
  EXPECT_FALSE(reads(R"({"a":1,"a":1})"));
  EXPECT_FALSE(reads(R"({"a":1,"b":2,"\u0061":3})")) << "however it is written";
  EXPECT_TRUE(reads(R"({"a":1,"A":2})"));
}

TEST(JsonReader, RefusesWhatIsNotOneObject) {
  for (const auto* body : {"",
                           " ",
                           "null",
                           "1",
                           "\"a\"",
                           "[]",
                           "[{}]",
                           "{",
                           "}",
                           "{}}",
                           "{} {}",
                           "{}x",
                           "{},",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{'a':1}",
                           "{\"a\":01}",
                           "{\"a\":+1}",
                           "{\"a\":NaN}",
                           "{\"a\":tru}",
                           "{\"a\":\"b}",
                           "{\"a\":\"\n\"}",
                           "{\"a\":\"\\x\"}",
                           "// a\n{}",
                           "\xef\xbb\xbf{}x"}) {
    EXPECT_FALSE(reads(body)) << body;
  }
}

TEST(JsonReader, RefusesWhatIsNotUtf8) {
  EXPECT_FALSE(reads("{\"a\":\"\xff\"}"));
  EXPECT_FALSE(reads("{\"a\":\"\xc3\"}")) << "cut off";
  EXPECT_FALSE(reads("{\"a\":\"\xc0\xaf\"}")) << "overlong";
  EXPECT_FALSE(reads("{\"a\":\"\xed\xa0\x80\"}")) << "a surrogate";
  EXPECT_FALSE(reads("{\"\xff\":1}"));
  EXPECT_FALSE(reads(R"({"a":"\ud800"})")) << "half a pair";
  EXPECT_TRUE(reads(R"({"a":"\ud83d\ude00"})"));
}

TEST(JsonReader, NumbersThatAreNoSmallIntegersAreOther) {
  const auto members = read_json_object(
      R"({"max":9223372036854775807,"more":9223372036854775808,"half":0.5,"e":1e3,"minus":-9223372036854775808})");
  ASSERT_TRUE(members);
  EXPECT_EQ((*members)[0].number, INT64_MAX);
  EXPECT_EQ((*members)[1].kind, Kind::other);
  EXPECT_EQ((*members)[2].kind, Kind::other);
  EXPECT_EQ((*members)[3].kind, Kind::other);
  EXPECT_EQ((*members)[4].number, INT64_MIN);
}

TEST(JsonReader, RefusesNumbersThatNobodyCanHold) {
  EXPECT_FALSE(reads("{\"a\":" + std::string(400, '9') + "}"));
  EXPECT_FALSE(reads("{\"a\":1e999}"));
}

TEST(JsonReader, ArraysOfAnythingElseAreMixed) {
  const auto members = read_json_object(R"({"a":["x",1],"b":[null],"c":[["x"]],"d":["{}",{"y":1}]})");
  ASSERT_TRUE(members);
  for (const auto& member : *members) EXPECT_EQ(member.kind, Kind::mixed) << member.name;
  EXPECT_EQ(members->back().strings, (std::vector<std::string>{"", R"({"y":1})"}));
}

TEST(JsonReader, RefusesDepth) {
  EXPECT_TRUE(reads("{\"a\":" + nested(8) + "}"));
  EXPECT_FALSE(reads("{\"a\":" + nested(100) + "}"));
  EXPECT_FALSE(reads("{\"a\":" + nested(400'000) + "}"));
  EXPECT_FALSE(reads("{\"a\":" + std::string(1'000'000, '[')));
  EXPECT_FALSE(reads(std::string(1'000'000, '{')));
}

TEST(JsonReader, RefusesDepthAlsoAfterALargeBody) {
  EXPECT_TRUE(reads("{\"a\":\"" + std::string(1 << 20, 'x') + "\"}"));
  EXPECT_FALSE(reads("{\"a\":" + nested(100) + "}"));
}

TEST(JsonReader, ReadsAMebibyte) {
  const std::string text((1 << 20) - 16, 'x');
  const auto members = read_json_object("{\"a\":\"" + text + "\"}");
  ASSERT_TRUE(members);
  EXPECT_EQ(members->front().text, text);
}

TEST(JsonReader, RefusesMoreMembersThanAnyRequestHas) {
  std::string body = "{\"m\":0";
  for (int i = 0; i < 100'000; ++i) body += ",\"" + std::to_string(i) + "\":0";
  // Compared one by one they would take a network thread half a minute.
  EXPECT_FALSE(reads(body + "}"));
}

TEST(JsonReader, ForgetsTheBodyBefore) {
  EXPECT_FALSE(reads("{\"a\":"));
  const auto members = read_json_object("{\"b\":1}");
  ASSERT_TRUE(members);
  EXPECT_EQ(members->front().name, "b");
}

}  // namespace revoked::net::json_reader_test
