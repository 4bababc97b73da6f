// POST /v1/keys/verify?at_least=: an answer that is not older than that position.

#include <gtest/gtest.h>

#include "tests/net/api/served_engine.hpp"

namespace revoked::net::at_least_test {

using test::ServedEngine;

class AtLeast : public testing::Test {
 protected:
  AtLeast() { served_.create("k1"); }
  revoked::test::HttpResponse verify(const std::string& at_least) {
    return client_.request("POST", "/v1/keys/verify?at_least=" + at_least, {}, R"({"secret":"k1......"})");
  }
  std::string at(engine::Sequence sequence) const {
    return to_string(engine::Position{served_.engine().epoch(), sequence});
  }

  mutable ServedEngine served_;
  revoked::test::HttpClient client_ = served_.client();
};

TEST_F(AtLeast, AnswersOnceThePositionIsReached) {
  const auto applied = served_.engine().applied();
  EXPECT_EQ(verify(at(applied)).json()["state"].text(), "active");
  EXPECT_EQ(verify(at(1)).status, 200);
  client_.send(
      client_.format("POST", "/v1/keys/verify?at_least=" + at(applied + 1), {}, R"({"secret":"k1......"})"));
  served_.revoke("k1");
  const auto answer = client_.receive();
  EXPECT_EQ(answer.json()["state"].text(), "revoked") << answer.body;
}

TEST_F(AtLeast, SaysThatItIsNotReadyRatherThanBeingOlder) {
  const auto early = verify(at(served_.engine().applied() + 1));
  EXPECT_EQ(early.status, 503);
  EXPECT_EQ(early.json()["code"].text(), "not_ready");
  EXPECT_FALSE(early.header("Retry-After").empty());
  EXPECT_EQ(verify("9-1").status, 503);
  EXPECT_EQ(verify("9-1").json()["code"].text(), "not_ready");
}

TEST_F(AtLeast, RefusesWhatIsNoPosition) {
  for (const auto* bad : {"", "1", "1-", "-1", "x", "1-1-1", "1-+1"}) {
    const auto answer = verify(bad);
    EXPECT_EQ(answer.status, 400) << bad;
    EXPECT_EQ(answer.json()["code"].text(), "invalid_parameter") << bad;
  }
}

}  // namespace revoked::net::at_least_test
