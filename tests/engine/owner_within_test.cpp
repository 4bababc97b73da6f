// A caller limited in another scope revokes an owner's keys within its limits: one event, whatever follows.

#include <gtest/gtest.h>

#include <random>

#include "engine/tables/checkpoint.hpp"
#include "tests/engine/engine_harness.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::owner_within_test {

using revoked::test::TemporaryDirectory;
using test::FakeDisk;
using test::Harness;

Reach limited(std::array<std::vector<std::string>, 3> ids) {
  Reach reach;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!ids[i].empty()) reach.limits[i] = std::move(ids[i]);
  }
  return reach;
}

Caller caller_of(const Reach& reach) {
  Caller caller;
  caller.reach = &reach;
  return caller;
}

class OwnerWithin : public testing::Test {
 protected:
  std::uint64_t revoke(const Reach& reach, Scope scope, std::string_view id) {
    const auto would = engine_->count_revocable(scope, id, caller_of(reach));
    const auto revoked = engine_->revoke_owner(scope, id, "gone", caller_of(reach));
    EXPECT_TRUE(revoked && would);
    EXPECT_EQ(*would, revoked->keys);
    engine_.sync();
    return revoked->keys;
  }
  void expect_states(const std::vector<std::pair<std::string, KeyState>>& expected) {
    for (const auto& [id, state] : expected) EXPECT_EQ(engine_.state(id), state) << id;
  }
  std::vector<std::array<std::string, 4>> owner_events() {
    std::vector<std::array<std::string, 4>> events;
    EXPECT_TRUE(engine_->read_journal(0, [&](const BatchView& batch) {
      return batch.for_each([&](Sequence, const EventView& event) {
        if (event.type != EventType::owner_revoked) return;
        events.push_back({std::string(event[Field::owner_id]), std::string(event[Field::user]),
                          std::string(event[Field::application]), std::string(event[Field::workspace])});
      });
    }));
    return events;
  }

  const Reach in_w_ = limited({{{}, {}, {"w"}}});
  Harness engine_{std::make_shared<FakeDisk>()};
};

TEST_F(OwnerWithin, IsOneEventThatEndsWhatHasBothOwners) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(engine_.create("w" + std::to_string(i), {"u", "", "w"}));
  ASSERT_TRUE(engine_.create("elsewhere", {"u", "", "x"}));
  ASSERT_TRUE(engine_.create("other", {"v", "", "w"}));
  const auto before = engine_->applied();
  EXPECT_EQ(revoke(in_w_, Scope::user, "u"), 3u);
  EXPECT_EQ(engine_->applied(), before + 1);
  EXPECT_EQ(owner_events(), (std::vector<std::array<std::string, 4>>{{"u", "", "", "w"}}));
  ASSERT_TRUE(engine_.create("later", {"u", "", "w"}));
  engine_.sync();
  const std::vector<std::pair<std::string, KeyState>> expected{{"w0", KeyState::revoked},
                                                               {"w2", KeyState::revoked},
                                                               {"elsewhere", KeyState::active},
                                                               {"other", KeyState::active},
                                                               {"later", KeyState::active}};
  expect_states(expected);
  engine_.restart();
  expect_states(expected);
  EXPECT_EQ(revoke(in_w_, Scope::user, "u"), 1u);
  EXPECT_EQ(revoke(in_w_, Scope::user, "u"), 0u) << "repeated";
  EXPECT_EQ(owner_events().size(), 2u);
  EXPECT_EQ(revoke({}, Scope::user, "u"), 1u) << "the remaining one";
  EXPECT_EQ(revoke({}, Scope::workspace, "w"), 1u);
  expect_states(
      {{"elsewhere", KeyState::revoked}, {"later", KeyState::revoked}, {"other", KeyState::revoked}});
}

TEST_F(OwnerWithin, TakesTheSecretsBeforeARotationAlong) {
  ASSERT_TRUE(engine_.create("k", {"u", "", "w"}));
  ASSERT_TRUE(engine_.create("x", {"u", "", "x"}));
  ASSERT_TRUE(engine_->rotate("k", test::digest_of("new"), 1'000'000, {}));
  engine_.sync();
  ASSERT_EQ(engine_.state("k"), KeyState::active) << "during its grace";
  EXPECT_EQ(revoke(in_w_, Scope::user, "u"), 1u);
  for (int round = 0; round < 2; ++round, engine_.restart())
    expect_states({{"k", KeyState::revoked}, {"new", KeyState::revoked}, {"x", KeyState::active}});
}

TEST_F(OwnerWithin, IsWhenAndWhyTheKeyDied) {
  ASSERT_TRUE(engine_.create("k", {"u", "", "w"}));
  ASSERT_TRUE(engine_.create("x", {"u", "", "x"}));
  const auto revoked = engine_->revoke_owner(Scope::user, "u", "offboarding", caller_of(in_w_));
  ASSERT_TRUE(revoked);
  ASSERT_TRUE(engine_->revoke_owner(Scope::workspace, "w", "later", {}));
  engine_.sync();
  const auto found = engine_->describe("k", 1);
  ASSERT_TRUE(found && found->revocation);
  EXPECT_EQ(found->revocation->reason, "offboarding");
  EXPECT_EQ(found->revocation->position.sequence, revoked->sequence);
  EXPECT_TRUE(engine_->revoke("k", "", {})->already);
  AuditQuery query;
  query.key_id = "k";
  query.reach = &in_w_;
  std::vector<Sequence> entries;
  ASSERT_TRUE(engine_->audit(query, [&](Sequence at, const EventView&) { entries.push_back(at); }));
  EXPECT_EQ(entries.back(), revoked->sequence);
}

TEST_F(OwnerWithin, EveryLimitCounts) {
  ASSERT_TRUE(engine_.create("uaw", {"u", "a", "w"}));
  ASSERT_TRUE(engine_.create("ubw", {"u", "b", "w"}));
  ASSERT_TRUE(engine_.create("uax", {"u", "a", "x"}));
  ASSERT_TRUE(engine_.create("vaw", {"v", "a", "w"}));
  EXPECT_EQ(revoke(limited({{{}, {"a"}, {"w"}}}), Scope::user, "u"), 1u);
  EXPECT_EQ(owner_events().back(), (std::array<std::string, 4>{"u", "", "a", "w"}));
  expect_states({{"uaw", KeyState::revoked},
                 {"ubw", KeyState::active},
                 {"uax", KeyState::active},
                 {"vaw", KeyState::active}});
  EXPECT_EQ(revoke(limited({{{"v", "u"}, {}, {"w", "unknown", "x"}}}), Scope::application, "a"), 2u);
  EXPECT_EQ(owner_events().size(), 3u) << "one for each pair of them with keys";
  expect_states({{"ubw", KeyState::active}, {"uax", KeyState::revoked}, {"vaw", KeyState::revoked}});
  EXPECT_EQ(revoke(limited({{{"v"}, {}, {}}}), Scope::user, "u"), 0u) << "out of reach";
  EXPECT_EQ(engine_.state("ubw"), KeyState::active);
}

TEST_F(OwnerWithin, IsRefusedForTooManyLimits) {
  std::vector<std::string> many;
  for (int i = 0; i < 100; ++i) many.push_back("id" + std::to_string(i));
  const auto reach = limited({{{}, many, many}});
  EXPECT_EQ(engine_->revoke_owner(Scope::user, "u", "", caller_of(reach)).error(), errc::invalid_field);
}

// Random changes by callers of every reach, with restarts from the journal and from checkpoints, compared
// with a list of what happened.
class RandomReach {
 public:
  explicit RandomReach(std::uint64_t seed) : random_(seed), engine_(open()) {}

  void step(int i) {
    const auto dice = below(100);
    if (dice < 50) return create("k" + std::to_string(i));
    if (dice < 60) return revoke_one();
    if (dice < 90) return revoke_owner();
    if (dice < 93) return rotate();
    engine_.sync();
    if (dice < 98) engine_.restart();
    compare();
  }
  void compare() {
    engine_.sync();
    for (const auto& key : keys_) {
      // All but the newest two have ended.
      for (auto secret = key.secrets.rbegin(); secret != key.secrets.rend(); ++secret) {
        if (secret - key.secrets.rbegin() >= 2)
          ASSERT_NE(engine_.state(*secret), KeyState::active) << *secret;
        else
          ASSERT_EQ(engine_.state(*secret), key.is_revoked ? KeyState::revoked : KeyState::active) << *secret;
      }
    }
  }

 private:
  struct Key {
    std::vector<std::string> secrets;
    std::array<std::string, 3> owners;
    bool is_revoked = false;
  };

  Harness open() {
    Engine::Options options;
    options.checkpoint_file = directory_ / "checkpoint";
    options.checkpoint_after = 40;
    return Harness(directory_ / "data", options);
  }
  std::size_t below(std::size_t end) { return random_() % end; }
  std::string owner(std::size_t scope) {
    return below(4) == 0 ? std::string() : std::string(1, "uaw"[scope]) + std::to_string(below(3));
  }
  void create(const std::string& id) {
    Key key{{id}, {owner(0), owner(1), owner(2)}};
    ASSERT_TRUE(engine_.create(id, {key.owners[0], key.owners[1], key.owners[2]}));
    keys_.push_back(key);
  }
  void revoke_one() {
    if (keys_.empty()) return;
    auto& key = keys_[below(keys_.size())];
    const auto revoked = engine_->revoke(key.secrets.front(), "", {});
    ASSERT_TRUE(revoked);
    ASSERT_EQ(revoked->already, key.is_revoked);
    key.is_revoked = true;
  }
  void rotate() {
    if (keys_.empty()) return;
    auto& key = keys_[below(keys_.size())];
    const auto secret = key.secrets.front() + "-" + std::to_string(key.secrets.size());
    const auto rotated = engine_->rotate(key.secrets.front(), test::digest_of(secret), 1'000'000'000'000, {});
    ASSERT_EQ(rotated.has_value(), !key.is_revoked);
    if (rotated) key.secrets.push_back(secret);
  }
  void revoke_owner() {
    const auto scope = all_scopes[below(3)];
    const auto id = std::string(1, "uaw"[static_cast<std::size_t>(scope)]) + std::to_string(below(3));
    Reach reach;
    for (std::size_t i = 0; i < 3; ++i) {
      if (below(2) == 0) continue;
      auto& ids = reach.limits[i].emplace();
      for (std::size_t n = 1 + below(2); n != 0; --n)
        ids.push_back(std::string(1, "uaw"[i]) + std::to_string(below(3)));
    }
    const auto before = engine_->applied();
    const auto revoked = engine_->revoke_owner(scope, id, "", caller_of(reach));
    ASSERT_TRUE(revoked);
    bool any = false;
    for (auto& key : keys_) {
      if (key.is_revoked || key.owners[static_cast<std::size_t>(scope)] != id || !reach.covers(key.owners))
        continue;
      key.is_revoked = any = true;
    }
    ASSERT_LE(engine_->applied() - before, 4u);
    ASSERT_TRUE(!any || engine_->applied() != before);
    const auto again = engine_->applied();
    ASSERT_TRUE(engine_->revoke_owner(scope, id, "", caller_of(reach)));
    ASSERT_EQ(engine_->applied(), again) << "repeated";
  }

  std::mt19937_64 random_;
  TemporaryDirectory directory_;
  std::vector<Key> keys_;
  Harness engine_;
};

TEST(RandomReaches, EndWhatTheyReachAndNothingElse) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  for (int run = 0; run < (revoked::test::sanitized ? 1 : 3); ++run) {
    RandomReach random(seed + run);
    for (int i = 0; i < 400 && !testing::Test::HasFatalFailure(); ++i) random.step(i);
    random.compare();
    if (testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace revoked::engine::owner_within_test
