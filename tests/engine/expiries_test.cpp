// Which keys a scan by expiry finds.

#include <gtest/gtest.h>

#include <map>

#include "tests/engine/engine_fixtures.hpp"

namespace revoked::engine::expiries_test {

using test::digest_of;

class Expiries : public test::FakeDiskFixture {
 protected:
  void create(std::string_view id, UnixMs expires_at, OwnerIds owners = {}) {
    NewKey key;
    key.key_id = id;
    key.digest = digest_of(id);
    key.owners = owners;
    key.expires_at = expires_at;
    engine_->create(key, {}).value();
  }

  bool edit(std::string_view id, UnixMs expires_at) {
    KeyEdit edit;
    edit.expires_at = expires_at;
    return engine_->edit(id, edit, {}).has_value();
  }

  // By range.
  using Found = std::multimap<std::size_t, std::pair<std::string, UnixMs>>;
  Found scan(std::vector<Engine::ExpiryRange> ranges) {
    Engine::ExpiryScan scan{std::move(ranges)};
    Found found;
    const auto visit = [&](std::size_t range, UnixMs expires_at, std::string_view key_id) {
      found.emplace(range, std::pair(std::string(key_id), expires_at));
    };
    while (engine_->scan_expiries(scan, visit)) {
    }
    return found;
  }
};

TEST_F(Expiries, AreFoundInTheirRanges) {
  create("never", 0);
  for (const UnixMs at : {99, 100, 200, 201, 300}) create(std::to_string(at), at);
  engine_.sync();
  EXPECT_EQ(scan({{100, 200}, {150, 250}}),
            (Found{{0, {"100", 100}}, {0, {"200", 200}}, {1, {"200", 200}}, {1, {"201", 201}}}));
  EXPECT_EQ(scan({{1, 98}}), Found{});
}

TEST_F(Expiries, OfKeysThatLive) {
  create("revoked", 100);
  create("owned", 100, {"ann"});
  create("suspended", 100);
  create("locked", 100, {"bob"});
  create("later", 300);
  create("sooner", 100);
  ASSERT_TRUE(engine_->revoke("revoked", "", {}));
  ASSERT_TRUE(engine_->revoke_owner(Scope::user, "ann", "", {}));
  ASSERT_TRUE(engine_->suspend("suspended", "", {}));
  ASSERT_TRUE(engine_->lock_owner(Scope::user, "bob", 0, "", {}));
  ASSERT_TRUE(edit("later", 100));
  ASSERT_TRUE(edit("sooner", 300));
  engine_.sync();
  EXPECT_EQ(scan({{1, 200}}), (Found{{0, {"suspended", 100}}, {0, {"locked", 100}}, {0, {"later", 100}}}));
}

TEST_F(Expiries, OfTheNewestSecretAlone) {
  const auto at = now_unix_ms() + 1'000'000;
  create("rotated", at);
  ASSERT_TRUE(engine_->rotate("rotated", digest_of("new"), 500'000, {}));
  engine_.sync();
  EXPECT_EQ(scan({{1, at}}), (Found{{0, {"rotated", at}}}));
}

TEST_F(Expiries, OfKeysWhoseCreationIsDurable) {
  hold_the_disk();
  create("new", 100);
  EXPECT_EQ(scan({{1, 200}}), Found{});
  disk_->unblock();
  engine_.sync();
  EXPECT_EQ(scan({{1, 200}}), (Found{{0, {"new", 100}}}));
}

}  // namespace revoked::engine::expiries_test
