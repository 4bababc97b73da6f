// Heads in pieces and malformed heads.

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "net/http/request_head.hpp"
#include "tests/net/http/head_cases.hpp"
#include "tests/net/http/naive_head.hpp"

namespace revoked::net::request_head_fuzz_test {

using Kind = HeadResult::Kind;

// Reads from memory of exactly that size, so that a sanitizer detects a read past the end.
class Exact {
 public:
  explicit Exact(std::string_view text) : bytes_(text.begin(), text.end()) {}
  std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::vector<char> bytes_;
};

void expect_same_verdict_in_pieces(const test::HeadCase& c) {
  const Exact whole(c.head);
  Request request;
  const auto verdict = read_head(whole.view(), {}, request);
  for (std::size_t size = 0; size < c.head.size(); ++size) {
    const Exact part(whole.view().substr(0, size));
    Request partial;
    const auto early = read_head(part.view(), {}, partial);
    if (early.kind == Kind::incomplete) continue;
    // Refused before it is complete, for the same reason.
    ASSERT_EQ(early.kind, Kind::refused) << c.what << " at " << size;
    ASSERT_EQ(verdict.kind, Kind::refused) << c.what << " at " << size;
    ASSERT_EQ(early.status, verdict.status) << c.what << " at " << size;
    ASSERT_EQ(early.reason, verdict.reason) << c.what << " at " << size;
  }
}

TEST(RequestHead, SaysTheSameHoweverTheHeadArrives) {
  for (const auto& c : test::smuggling_cases()) expect_same_verdict_in_pieces(c);
  for (const auto& c : test::refused_cases()) expect_same_verdict_in_pieces(c);
  for (const auto& c : test::passing_cases()) expect_same_verdict_in_pieces(c);
}

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  std::string operator()(std::string head) {
    for (int left = below(4) + 1; left > 0; --left) mutate(head);
    return head;
  }
  int below(std::size_t limit) { return static_cast<int>(random_() % limit); }

 private:
  void mutate(std::string& head) {
    static constexpr std::string_view bytes("\r\n\t :,;\"0159aZ/?#%*+-\0\x7f\x80\xff", 26);
    static constexpr std::string_view pieces[] = {"\r\n",
                                                  "\n",
                                                  "\r",
                                                  "\r\n ",
                                                  "\r\n\t",
                                                  " ",
                                                  ":",
                                                  ", ",
                                                  "chunked",
                                                  "identity",
                                                  "Content-Length: 5\r\n",
                                                  "Transfer-Encoding: chunked\r\n",
                                                  "Host: b\r\n",
                                                  "HTTP/1.0",
                                                  "Content-Length:",
                                                  "http://a/",
                                                  "0",
                                                  "Authorization: x\r\n"};
    const auto at = head.empty() ? 0 : static_cast<std::size_t>(below(head.size()));
    switch (below(5)) {
      case 0:
        if (!head.empty()) head[at] = bytes[below(bytes.size())];
        break;
      case 1:
        head.insert(at, 1, bytes[below(bytes.size())]);
        break;
      case 2:
        head.erase(at, below(4));
        break;
      case 3:
        head.insert(at, pieces[below(std::size(pieces))]);
        break;
      default:
        insert_line(head, pieces[below(std::size(pieces))]);
    }
  }
  // Where a header may be: most faults elsewhere are found at once.
  void insert_line(std::string& head, std::string_view piece) {
    std::size_t at = 0;
    for (int line = below(4); line >= 0 && at != std::string::npos; --line) at = head.find("\r\n", at + 1);
    if (at != std::string::npos) head.insert(at + 2, piece);
  }

  std::mt19937 random_;
};

TEST(RequestHead, NothingAmbiguousPassesHoweverItIsMutated) {
  Mutator mutate(20260102);
  const auto good = test::passing_cases();
  int passed = 0;
  int refused = 0;
  for (int i = 0; i < 60'000; ++i) {
    const Exact data(mutate(good[mutate.below(good.size())].head + "GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    Request request;
    const auto result = read_head(data.view(), {}, request);
    if (result.kind == Kind::complete) {
      ++passed;
      ASSERT_EQ(test::harm_in(data.view(), result, request), "") << std::string(data.view());
    } else if (result.kind == Kind::refused) {
      ++refused;
      ASSERT_GE(result.status, 400u);
    }
  }
  EXPECT_GT(passed, 1'000) << "too many mutations are invalid";
  EXPECT_GT(refused, 1'000) << "too few mutations are invalid";
}

TEST(RequestHead, SurvivesNoise) {
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string noise(random() % 200, '\0');
    for (char& c : noise) c = static_cast<char>(random() % 4 == 0 ? "\r\n: /"[random() % 5] : random());
    const Exact data(noise);
    Request request;
    EXPECT_NE(read_head(data.view(), {}, request).kind, Kind::complete);
  }
}

}  // namespace revoked::net::request_head_fuzz_test
