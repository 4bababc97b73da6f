#include "cache/bus/decision.hpp"

#include <gtest/gtest.h>

namespace revoked::cache::decision_test {

TEST(Decision, ReadsAnActiveKey) {
  const auto decision = decode_decision(
      R"({"active":true,"state":"active","key_id":"k","user":"u","application":null,"workspace":"w",)"
      R"("permissions":["a:b","c"],"expires_at":"2026-01-02T03:04:05.678Z","as_of":"3-9","journal":"j1"})");
  ASSERT_TRUE(decision.has_value());
  EXPECT_EQ(decision->state, Decision::State::active);
  EXPECT_EQ(decision->key_id, "k");
  EXPECT_EQ(decision->user, "u");
  EXPECT_EQ(decision->application, "");
  EXPECT_EQ(decision->permissions, "a:b c");
  EXPECT_EQ(decision->expires_at, 1'767'323'045'678);
  EXPECT_EQ(decision->as_of, (Position{3, 9}));
  EXPECT_EQ(decision->journal, "j1");
}

TEST(Decision, NeedsLittleToDeny) {
  const auto decision = decode_decision(R"({"active":false,"state":"unknown"})");
  ASSERT_TRUE(decision.has_value());
  EXPECT_EQ(decision->state, Decision::State::unknown);
}

TEST(Decision, IsRefusedWhenItIsNotClear) {
  const std::string_view refused[] = {
      R"({"active":true,"state":"revoked","key_id":"k","as_of":"3-9"})",
      R"({"active":false,"state":"active","key_id":"k","as_of":"3-9"})",
      R"({"active":true,"state":"wonderful","key_id":"k","as_of":"3-9"})",
      R"({"active":true,"state":"active","as_of":"3-9"})",
      R"({"active":true,"state":"active","key_id":"k"})",
      R"({"active":true,"active":true,"state":"active","key_id":"k","as_of":"3-9"})",
      R"({"active":null,"state":"active","key_id":"k","as_of":"3-9"})",
      R"({"state":"active","key_id":"k","as_of":"3-9"})",
      R"({"active":true,"state":"active","key_id":"k\r\nX-Admin: 1","as_of":"3-9"})",
      R"({"active":true,"state":"active","key_id":"k","permissions":["a b"],"as_of":"3-9"})",
      R"({"active":true,"state":"active","key_id":"k","permissions":["a\r\n"],"as_of":"3-9"})",
      R"({"active":true,"state":"active","key_id":"k","expires_at":"soon","as_of":"3-9"})",
      R"({"active":true,"state":"active","key_id":"k","as_of":"3-9"} trailing)",
  };
  for (const auto json : refused) EXPECT_TRUE(decode_decision(json).has_error()) << json;
}

}  // namespace revoked::cache::decision_test
