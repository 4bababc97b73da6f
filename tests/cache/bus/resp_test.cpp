#include "cache/bus/resp.hpp"

#include <gtest/gtest.h>

#include <random>

namespace revoked::cache::resp_test {

using Kind = RespReply::Kind;

// The replies read from these bytes, as text.
std::string read_all(std::string_view bytes, std::size_t piece = 4096, std::size_t max_bytes = 1 << 20) {
  RespReader reader(max_bytes);
  std::string read, error;
  const auto show = [&](const auto& self, const RespReply& reply) -> std::string {
    switch (reply.kind) {
      case Kind::text:
        return "'" + reply.text + "'";
      case Kind::error:
        return "!" + reply.text;
      case Kind::integer:
        return std::to_string(reply.integer);
      case Kind::nothing:
        return "nil";
      case Kind::array:
        break;
    }
    std::string text = "[";
    for (const auto& element : reply.elements) text += self(self, element) + " ";
    return text + "]";
  };
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    reader.feed(bytes.substr(0, piece));
    while (const auto reply = reader.next(error)) read += show(show, *reply) + ";";
    if (!error.empty()) return read + "error";
  }
  return read;
}

TEST(Resp, ReadsRepliesHoweverTheyAreCut) {
  const std::string bytes =
      "+OK\r\n-ERR "
      "no\r\n:-7\r\n$5\r\na\r\nbc\r\n$-1\r\n*0\r\n*-1\r\n*3\r\n$7\r\nmessage\r\n:1\r\n$-1\r\n$0\r\n\r\n";
  for (std::size_t piece = 1; piece < bytes.size(); ++piece) {
    EXPECT_EQ(read_all(bytes, piece), "'OK';!ERR no;-7;'a\r\nbc';nil;[];nil;['message' 1 nil ];'';") << piece;
  }
}

// As in the reply to ROLE.
TEST(Resp, LeavesOutTheElementsOfANestedArray) {
  const std::string_view role =
      "*3\r\n$6\r\nmaster\r\n:7\r\n*2\r\n*3\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\n0\r\n*0\r\n+OK\r\n";
  for (std::size_t piece = 1; piece <= role.size(); ++piece)
    EXPECT_EQ(read_all(role, piece), "['master' 7 [] ];'OK';") << piece;
  EXPECT_EQ(read_all("*2\r\n*1\r\n:1\r\n:2\r\n"), "[[] 2 ];");
  EXPECT_EQ(read_all("*1\r\n*2\r\n-no\r\n$-1\r\n:3\r\n"), "[[] ];3;");
}

TEST(Resp, RefusesWhatIsNotAReplyOfOurs) {
  for (const auto* bytes : {"hello\r\n", "*1\r\n*1025\r\n", "*17\r\n", "*1000000000\r\n",
                            "*4294967299\r\n:1\r\n", "*99999999999999999999\r\n", "$99999999999999999999\r\n",
                            "*-2\r\n", "$-2\r\n", "*1\r\n*-2\r\n", "\r\n",
                            "*"
                            "2\r\n$1\r\na\r\nx",
                            "GET / HTTP/1.1\r\n\r\n"}) {
    const auto read = read_all(bytes);
    EXPECT_TRUE(read.ends_with("error") || read.empty()) << bytes << ": " << read;
  }
}

TEST(Resp, BoundsWhatItKeeps) {
  EXPECT_EQ(read_all("$1000000000\r\n" + std::string(4096, 'x'), 100, 2000), "error");
  EXPECT_EQ(read_all("+" + std::string(4096, 'x'), 100, 2000), "error");
}

TEST(Resp, AnyBytesAreRepliesOrAnError) {
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  const std::string pieces[] = {
      "*",       "$",         ":", "+", "-",  "\r\n", "\r",         "\n",
      "0",       "1",         "2", "3", "-1", "17",   "4294967297", "9223372036854775808",
      "message", "subscribe", "a"};
  for (int round = 0; round < 200'000; ++round) {
    std::string bytes;
    for (auto left = random() % 16; left > 0; --left) {
      bytes += random() % 8 == 0 ? std::string(1, static_cast<char>(random()))
                                 : pieces[random() % std::size(pieces)];
    }
    SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(round));
    EXPECT_LE(read_all(bytes, 1 + random() % 8).size(), 64 + 20 * bytes.size());
  }
}

TEST(Resp, WritesCommands) {
  using namespace std::string_view_literals;
  std::string out;
  append_command(out, {"PUBLISH", "c", "a\0b\r\n"sv});
  EXPECT_EQ(out, "*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$5\r\na\0b\r\n\r\n"sv);
}

}  // namespace revoked::cache::resp_test
