#include "net/auth/authenticator.hpp"

#include <gtest/gtest.h>

#include "tests/engine/engine_harness.hpp"

namespace revoked::net::authenticator_test {

using engine::test::Harness;

Request bearing(std::string_view authorization, std::string_view api_key = {}) {
  Request request;
  request[Header::authorization] = authorization;
  request[Header::x_api_key] = api_key;
  return request;
}

TEST(Credential, IsWhatStandsBehindBearer) {
  for (const auto* value : {"Bearer the-key", "bearer the-key", "BEARER the-key", "bEaReR   the-key"}) {
    EXPECT_EQ(credential_of(bearing(value)), "the-key") << value;
  }
  EXPECT_EQ(credential_of(bearing("Bearer a b")), "a b") << "no key has a blank";
}

TEST(Credential, IsTheApiKeyOtherwise) {
  EXPECT_EQ(credential_of(bearing("", "the-key")), "the-key");
  EXPECT_EQ(credential_of(bearing("Basic dTpw", "the-key")), "the-key");
  EXPECT_EQ(credential_of(bearing("Bearer", "the-key")), "the-key");
  EXPECT_EQ(credential_of(bearing("Bearer one", "two")), "one");
}

TEST(Credential, IsNothingOtherwise) {
  for (const auto* value :
       {"", "Bearer", "Bearer ", "Bearerthe-key", "the-key", "Basic dTpw", "Token the-key"}) {
    EXPECT_EQ(credential_of(bearing(value)), "") << value;
  }
}

class AuthenticatorTest : public testing::Test {
 protected:
  void create(std::string_view id, std::string_view permissions, std::string_view user = {},
              engine::UnixMs expires_at = 0) {
    engine::NewKey key;
    key.key_id = id;
    key.digest = harness_->digester()(id);
    key.owners[0] = user;
    key.permissions = permissions;
    key.expires_at = expires_at;
    ASSERT_TRUE(harness_->create(key, {}));
    harness_.sync();
  }
  std::optional<engine::Principal> who(std::string_view key) {
    const auto value = "Bearer " + std::string(key);
    return authenticator_.authenticate(bearing(value));
  }

  std::shared_ptr<engine::test::FakeDisk> disk_ = std::make_shared<engine::test::FakeDisk>();
  Harness harness_{[this] { return std::make_unique<engine::test::FakeStore>(disk_); },
                   {"a pepper of many characters", "rvk", {}}};
  Authenticator authenticator_{harness_.engine(), {"master-one", "master-two"}};
};

TEST_F(AuthenticatorTest, KnowsEveryMasterKey) {
  for (const auto* key : {"master-one", "master-two"}) {
    const auto principal = who(key);
    ASSERT_TRUE(principal);
    EXPECT_TRUE(principal->is_master);
    EXPECT_TRUE(principal->reach.is_unlimited());
    EXPECT_EQ(principal->actor, "master");
  }
  EXPECT_TRUE(authenticator_.authenticate(bearing("", "master-one")));
}

TEST_F(AuthenticatorTest, KnowsNobodyElse) {
  for (const auto* key :
       {"", "master", "master-on", "master-one ", "master-onE", "master-one, master-two", "unknown"}) {
    EXPECT_FALSE(who(key)) << key;
  }
  EXPECT_FALSE(authenticator_.authenticate(Request{}));
  EXPECT_FALSE(who(std::string(engine::max_secret_size + 1, 'a')));
}

TEST_F(AuthenticatorTest, KnowsOurOwnKeys) {
  create("edge-key", "gateway keys:read");
  const auto principal = who("edge-key");
  ASSERT_TRUE(principal);
  EXPECT_FALSE(principal->is_master);
  EXPECT_TRUE(principal->reach.is_unlimited());
  EXPECT_EQ(principal->actor, "edge-key");
  EXPECT_TRUE(may(*principal, engine::Permission::gateway));
  EXPECT_TRUE(may(*principal, engine::Permission::keys_verify));
  EXPECT_FALSE(may(*principal, engine::Permission::keys_revoke));
}

TEST_F(AuthenticatorTest, KeyOfAnOwnerIsLimited) {
  create("anns-key", "keys:revoke", "ann");
  const auto principal = who("anns-key");
  ASSERT_TRUE(principal);
  EXPECT_TRUE(principal->reach.allows(engine::Scope::user, "ann"));
  EXPECT_FALSE(principal->reach.allows(engine::Scope::user, "bob"));
}

TEST_F(AuthenticatorTest, DeadKeysOpenNothing) {
  create("revoked-key", "gateway");
  create("expired-key", "gateway", {}, 1);
  create("anns-key", "gateway", "ann");
  EXPECT_TRUE(who("revoked-key"));
  EXPECT_FALSE(who("expired-key"));
  ASSERT_TRUE(harness_->revoke("revoked-key", "", {}));
  ASSERT_TRUE(harness_->revoke_owner(engine::Scope::user, "ann", "", {}));
  EXPECT_FALSE(who("revoked-key")) << "at once, before the sync";
  EXPECT_FALSE(who("anns-key"));
}

TEST_F(AuthenticatorTest, KeyThatIsNotDurableYetOpensNothing) {
  disk_->block();
  engine::NewKey key;
  key.key_id = "the-new-key";
  key.digest = harness_->digester()("the-new-key");
  ASSERT_TRUE(harness_->create(key, {}));
  EXPECT_FALSE(who("the-new-key"));
  disk_->unblock();
  harness_.sync();
  EXPECT_TRUE(who("the-new-key"));
}

}  // namespace revoked::net::authenticator_test
