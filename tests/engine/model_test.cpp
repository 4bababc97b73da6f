// Random verbs, restarts and crashes, compared with a model that is a list of what happened. Every question
// is answered by reading the list from the start: slow, but obviously correct.

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <vector>

#include "tests/engine/engine_harness.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/rounds.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::model_test {

using test::digest_of;
using test::FakeDisk;
using test::Harness;

struct Happening {
  EventType type;
  std::string id;                     // of the key or owner
  std::array<std::string, 3> owners;  // of a created key
  Scope scope = Scope::user;
  UnixMs expires_at = 0;
  std::string reason;
};

class Model {
 public:
  void add(Happening happening) { list_.push_back(std::move(happening)); }
  Sequence last() const { return list_.size(); }
  void forget_after(Sequence last) { list_.resize(last); }
  const Happening& at(Sequence sequence) const { return list_.at(sequence - 1); }

  Sequence created(std::string_view id) const {
    return first(1, [&](const Happening& h) { return h.type == EventType::key_created && h.id == id; });
  }
  // The first event that revoked the key; 0: not revoked.
  Sequence revoked(std::string_view id) const {
    const auto from = created(id);
    if (from == 0) return 0;
    const auto& key = at(from);
    return first(from, [&](const Happening& h) {
      if (h.type == EventType::key_revoked) return h.id == id;
      return h.type == EventType::owner_revoked && !h.id.empty() &&
             key.owners[static_cast<int>(h.scope)] == h.id;
    });
  }
  // The keys of an owner that neither their own event nor one of this owner has revoked.
  std::uint64_t live_keys(Scope scope, std::string_view id) const {
    std::uint64_t count = 0;
    for (Sequence s = 1; s <= last(); ++s) {
      const auto& key = at(s);
      if (key.type != EventType::key_created || key.owners[static_cast<int>(scope)] != id) continue;
      count += first(s, [&](const Happening& h) {
                 return (h.type == EventType::key_revoked && h.id == key.id) ||
                        (h.type == EventType::owner_revoked && h.scope == scope && h.id == id);
               }) == 0;
    }
    return count;
  }
  KeyState state(std::string_view id, UnixMs now, Sequence durable) const {
    const auto from = created(id);
    if (from == 0 || from > durable) return KeyState::unknown;
    if (revoked(id) != 0) return KeyState::revoked;
    const auto expires_at = at(from).expires_at;
    if (expires_at != 0 && expires_at <= now) return KeyState::expired;
    const bool is_locked = std::any_of(all_scopes.begin(), all_scopes.end(), [&](Scope scope) {
      const auto& owner = at(from).owners[static_cast<int>(scope)];
      return !owner.empty() && locked_until(scope, owner, durable) > now;
    });
    return is_locked ? KeyState::locked : KeyState::active;
  }
  // When the owner's lock ends; 0: not locked. A lifted one counts until that is durable.
  UnixMs locked_until(Scope scope, std::string_view id, Sequence durable) const {
    UnixMs until = 0;
    for (Sequence s = 1; s <= last(); ++s) {
      const auto& h = at(s);
      if (h.scope != scope || h.id != id) continue;
      if (h.type == EventType::owner_locked) until = h.expires_at;
      if (h.type == EventType::owner_unlocked && s <= durable) until = 0;
    }
    return until;
  }

 private:
  template <class Matches>
  Sequence first(Sequence from, Matches matches) const {
    for (Sequence s = from; s <= last(); ++s) {
      if (matches(at(s))) return s;
    }
    return 0;
  }
  std::vector<Happening> list_;
};

class RandomRun {
 public:
  RandomRun(std::uint64_t seed, Harness engine, std::shared_ptr<FakeDisk> disk)
      : random_(seed), engine_(std::move(engine)), disk_(std::move(disk)) {
    model_.add({.type = EventType::epoch_started, .id = {}, .owners = {}, .reason = {}});
  }
  ~RandomRun() { disk_->unblock(); }

  void step(bool can_hold) {
    const auto dice = random_() % 100;
    if (dice < 35)
      create();
    else if (dice < 55)
      revoke();
    else if (dice < 59)
      revoke_owner();
    else if (dice < 66)
      lock_owner();
    else if (dice < 71)
      unlock_owner();
    else if (dice < 90)
      verify(key());
    else if (dice < 95)
      restart();
    else if (can_hold && dice < 98)
      hold_or_release();
    else if (can_hold)
      crash();
  }

  void compare_all() {
    release();
    for (int i = 0; i < key_pool; ++i) {
      const auto id = "k" + std::to_string(i);
      verify(id);
      describe(id);
    }
    ASSERT_EQ(engine_->applied(), model_.last());
  }

 private:
  static constexpr int key_pool = 120;

  std::string key() { return "k" + std::to_string(random_() % key_pool); }
  std::string owner() { return "o" + std::to_string(random_() % 6); }
  Sequence durable() const { return held_ ? held_at_ : model_.last(); }

  void create() {
    const auto id = key();
    NewKey wanted;
    Happening happening{.type = EventType::key_created, .id = id, .owners = {}, .reason = {}};
    for (std::size_t scope = 0; scope < 3; ++scope) {
      if (random_() % 3 != 0) happening.owners[scope] = owner();
      wanted.owners[scope] = happening.owners[scope];
    }
    if (random_() % 5 == 0) happening.expires_at = 1 + static_cast<UnixMs>(random_() % 10);
    wanted.key_id = id;
    wanted.digest = digest_of(id);
    wanted.expires_at = happening.expires_at;
    const auto created = engine_->create(wanted, {});
    if (model_.created(id) != 0) {
      ASSERT_FALSE(created);
      ASSERT_EQ(created.error(), errc::already_exists);
      return;
    }
    model_.add(happening);
    ASSERT_TRUE(created);
    ASSERT_EQ(created->sequence, model_.last());
  }

  void revoke() {
    const auto id = key();
    const auto reason = "r" + std::to_string(random_() % 1000);
    const auto revoked =
        random_() % 2 ? engine_->revoke(id, reason, {}) : engine_->revoke(digest_of(id), reason, {});
    if (model_.created(id) == 0) {
      ASSERT_FALSE(revoked);
      ASSERT_EQ(revoked.error(), errc::not_found);
      return;
    }
    ASSERT_TRUE(revoked);
    ASSERT_EQ(revoked->already, model_.revoked(id) != 0);
    if (!revoked->already) {
      model_.add({.type = EventType::key_revoked, .id = id, .owners = {}, .reason = reason});
      ASSERT_EQ(revoked->sequence, model_.last());
    }
    // Once the answer's position is durable, so is the event that revoked the key.
    ASSERT_GE(revoked->sequence, model_.revoked(id));
  }

  void revoke_owner() {
    const auto scope = all_scopes[random_() % 3];
    const auto id = owner();
    const auto reason = "r" + std::to_string(random_() % 1000);
    const auto expected = model_.live_keys(scope, id);
    const auto revoked = engine_->revoke_owner(scope, id, reason, {});
    ASSERT_TRUE(revoked);
    ASSERT_EQ(revoked->keys, expected);
    if (expected == 0) return;
    model_.add({.type = EventType::owner_revoked, .id = id, .owners = {}, .scope = scope, .reason = reason});
    ASSERT_EQ(revoked->sequence, model_.last());
  }

  void lock_owner() {
    const auto scope = all_scopes[random_() % 3];
    const auto id = owner();
    const auto until = random_() % 4 == 0 ? 0 : far_ + static_cast<UnixMs>(random_() % 12);
    const auto held = model_.locked_until(scope, id, model_.last());
    const auto stands = std::max(held, until == 0 ? OwnerLocks::forever : until);
    const auto locked = engine_->lock_owner(scope, id, until, "", {});
    ASSERT_TRUE(locked);
    ASSERT_EQ(locked->until, stands == OwnerLocks::forever ? 0 : stands);
    if (stands != held) {
      model_.add({.type = EventType::owner_locked,
                  .id = id,
                  .owners = {},
                  .scope = scope,
                  .expires_at = stands,
                  .reason = {}});
    }
    ASSERT_EQ(locked->sequence, model_.last());
  }

  void unlock_owner() {
    const auto scope = all_scopes[random_() % 3];
    const auto id = owner();
    const bool is_held = model_.locked_until(scope, id, model_.last()) != 0;
    const auto unlocked = engine_->unlock_owner(scope, id, "", {});
    ASSERT_TRUE(unlocked);
    if (is_held)
      model_.add({.type = EventType::owner_unlocked, .id = id, .owners = {}, .scope = scope, .reason = {}});
    ASSERT_EQ(unlocked->sequence, model_.last());
  }

  void verify(const std::string& id) {
    if (!held_) engine_.sync();
    const auto now = static_cast<UnixMs>(random_() % 12) + (random_() % 3 == 0 ? far_ : 0);
    ASSERT_EQ(engine_.state(id, now), model_.state(id, now, durable())) << id;
  }

  void describe(const std::string& id) {
    const auto created = model_.created(id);
    const auto found = engine_->describe(id, 0);
    ASSERT_EQ(found.has_value(), created != 0);
    if (created == 0) return;
    ASSERT_EQ(found->created, engine_->position_of(created));
    ASSERT_EQ(found->expires_at, model_.at(created).expires_at);
    for (const Scope scope : all_scopes) {
      ASSERT_EQ(found->decision.owner(scope), model_.at(created).owners[static_cast<int>(scope)]);
    }
    const auto revoked = model_.revoked(id);
    ASSERT_EQ(found->revocation.has_value(), revoked != 0) << id;
    if (revoked == 0) return;
    ASSERT_EQ(found->revocation->position.sequence, revoked) << id;
    ASSERT_EQ(found->revocation->reason, model_.at(revoked).reason);
  }

  void restart() {
    release();
    engine_.restart();
    model_.add({.type = EventType::epoch_started, .id = {}, .owners = {}, .reason = {}});
    ASSERT_EQ(engine_->applied(), model_.last());
  }

  void hold_or_release() {
    if (held_) return release();
    engine_.sync();
    held_at_ = model_.last();
    held_ = true;
    disk_->block();
  }
  void release() {
    disk_->unblock();
    held_ = false;
    engine_.sync();
  }
  void crash() {
    if (!held_) return;
    disk_->fail_commit(1);
    disk_->unblock();
    engine_.stop();
    disk_->repair();
    held_ = false;
    model_.forget_after(held_at_);
    engine_.start();
    model_.add({.type = EventType::epoch_started, .id = {}, .owners = {}, .reason = {}});
    ASSERT_EQ(engine_->applied(), model_.last());
  }

  std::mt19937_64 random_;
  Model model_;
  Harness engine_;
  std::shared_ptr<FakeDisk> disk_;
  bool held_ = false;
  Sequence held_at_ = 0;
  const UnixMs far_ = now_unix_ms() + 10 * 3'600'000;  // locks end later than now
};

constexpr int steps = revoked::test::sanitized ? 300 : 800;

// REVOKED_SEED repeats a run.
void run_seeds(std::uint64_t count, const std::function<void(std::uint64_t)>& run) {
  if (const char* const one = std::getenv("REVOKED_SEED")) return run(std::strtoull(one, nullptr, 10));
  for (std::uint64_t seed = 1; seed <= count && !testing::Test::HasFailure(); ++seed) run(seed);
}

TEST(Model, RandomRunsOverAFakeDisk) {
  run_seeds((revoked::test::sanitized ? 1 : 30) * revoked::test::test_rounds(), [](std::uint64_t seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto disk = std::make_shared<FakeDisk>();
    RandomRun run(seed, Harness(disk), disk);
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) run.step(true);
    if (!testing::Test::HasFailure()) run.compare_all();
  });
}

TEST(Model, RandomRunsOverFiles) {
  run_seeds((revoked::test::sanitized ? 1 : 4) * revoked::test::test_rounds(), [](std::uint64_t seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const revoked::test::TemporaryDirectory directory;
    RandomRun run(seed, Harness(directory / "data"), std::make_shared<FakeDisk>());
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) run.step(false);
    if (!testing::Test::HasFailure()) run.compare_all();
  });
}

}  // namespace revoked::engine::model_test
