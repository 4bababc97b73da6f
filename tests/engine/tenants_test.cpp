// Whatever a limited caller does, in any order, what others see of keys out of its reach does not change.

#include <gtest/gtest.h>

#include <random>
#include <sstream>
#include <vector>

#include "tests/engine/engine_harness.hpp"
#include "tests/support/eventually.hpp"

namespace revoked::engine::tenants_test {

using test::digest_of;
using test::FakeDisk;
using test::Harness;

const std::vector<std::string> users{"", "u1", "u2"};
const std::vector<std::string> applications{"", "a1", "a2"};
const std::vector<std::string> workspaces{"", "w1", "w2", "w3"};
const std::vector<std::string> permission_lists{"", "keys:read", "keys:read keys:write", "other"};

using Owners = std::array<std::string, 3>;

Principal limited_to(const std::array<std::vector<std::string>, 3>& limits) {
  Principal principal{false, "keys:create keys:read keys:revoke keys:write", {}, "limited", ActorKind::key};
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if (!limits[i].empty()) principal.reach.limits[i] = limits[i];
  }
  return principal;
}

class Tenants {
 public:
  Tenants(std::uint64_t seed, Principal caller) : random_(seed), principal_(std::move(caller)) {
    // All names occur everywhere.
    for (const auto& user : users) {
      for (const auto& application : applications) {
        for (const auto& workspace : workspaces) add({user, application, workspace});
      }
    }
    engine_.sync();
    for (std::size_t i = 0; i < ids_.size(); i += 7) EXPECT_TRUE(engine_->suspend(ids_[i], "", {}));
    for (std::size_t i = 0; i < ids_.size(); i += 11) EXPECT_TRUE(engine_->revoke(ids_[i], "", {}));
    engine_.sync();
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      if (!principal_.reach.covers(owners_[i])) foreign_.push_back(i);
    }
  }

  void run(int steps) {
    const auto before = told_to_others();
    for (int i = 0; i < steps; ++i) {
      step();
      if (i % 20 == 19 || i + 1 == steps) {
        engine_.sync();
        ASSERT_EQ(told_to_others(), before) << "after step " << i;
        obtained_nothing_foreign();
      }
    }
    engine_.restart();
    ASSERT_EQ(told_to_others(), before) << "after a restart";
  }

 private:
  void add(const Owners& owners) {
    const auto id = "key-" + std::to_string(ids_.size());
    NewKey key;
    key.key_id = id;
    key.digest = digest_of(id);
    key.owners = {owners[0], owners[1], owners[2]};
    key.permissions = permission_lists[ids_.size() % permission_lists.size()];
    key.expires_at = ids_.size() % 5 == 0 ? far_away : 0;
    ASSERT_TRUE(engine_->create(key, {}));
    ids_.push_back(id);
    owners_.push_back(owners);
  }

  std::string state_as_told(std::string_view id) {
    std::ostringstream out;
    Decision decision;
    EXPECT_TRUE(engine_->verify(digest_of(id), now_, decision));
    out << id << ' ' << to_string(decision.state) << ' ' << decision.key_id << ' ' << decision.permissions
        << ' ' << decision.expires_at;
    for (const auto& owner : decision.owners) out << '/' << owner;
    const auto found = engine_->describe(id, now_);
    EXPECT_TRUE(found);
    if (found && found->revocation)
      out << ' ' << found->revocation->position.sequence << found->revocation->reason;
    return out.str();
  }

  // What a caller limited to this owner counts and lists.
  std::string told_to(Scope apart, const std::string& owner) {
    std::array<std::vector<std::string>, 3> limits;
    limits[static_cast<std::size_t>(apart)] = {owner};
    const auto other = limited_to(limits);
    const Caller caller{"other", {}, {}, &other.reach, ActorKind::key, &other};
    std::string all = owner + ":";
    for (const Scope scope : all_scopes) {
      for (const auto& id : names_of(scope)) {
        if (!id.empty())
          all += " " + id + " " + std::to_string(engine_->count_revocable(scope, id, caller).value());
      }
    }
    KeyQuery query;
    query.limit = 1000;
    query.reach = &other.reach;
    const auto page = engine_->list(query, now_).value();
    for (const auto& key : page.keys) all += " " + key.decision.key_id;
    return all + "\n";
  }

  // All that unlimited callers, and callers limited otherwise, see of the keys out of the caller's reach.
  std::string told_to_others() {
    std::string all;
    for (const auto i : foreign_) all += state_as_told(ids_[i]) + "\n";
    for (const Scope apart : all_scopes) {
      if (!principal_.reach.limit(apart)) continue;
      for (const auto& owner : names_of(apart)) {
        if (!owner.empty() && !principal_.reach.allows(apart, owner)) all += told_to(apart, owner);
      }
    }
    return all;
  }

  // No key that the caller created or rotated gives it more at a gateway than it has.
  void obtained_nothing_foreign() {
    for (const auto& secret : secrets_) {
      Decision decision;
      ASSERT_TRUE(engine_->verify(digest_of(secret), now_, decision));
      if (decision.state == KeyState::unknown) continue;
      EXPECT_TRUE(principal_.reach.covers(decision.owners)) << secret;
      if (!principal_.reach.limit(Scope::workspace)) {
        EXPECT_EQ(decision.owner(Scope::workspace), "") << secret;
      }
      EXPECT_TRUE(may_grant(principal_, decision.permissions)) << secret;
    }
  }

  std::size_t upto(std::size_t end) { return random_() % end; }
  const std::string& one_of(const std::vector<std::string>& list) { return list[upto(list.size())]; }
  static const std::vector<std::string>& names_of(Scope scope) {
    return scope == Scope::user ? users : scope == Scope::application ? applications : workspaces;
  }
  // Usually an existing one.
  std::string any_id() { return upto(10) == 0 ? "nobody" : one_of(ids_); }

  NewKey any_key() {
    NewKey key;
    id_ = upto(3) == 0 ? any_id() : "made-" + std::to_string(++made_);
    secret_ = upto(8) == 0 ? any_id() : "secret-" + std::to_string(++made_);
    key.key_id = id_;
    key.digest = digest_of(secret_);
    for (const Scope scope : all_scopes)
      key.owners[static_cast<std::size_t>(scope)] = one_of(names_of(scope));
    key.permissions = one_of(permission_lists);
    return key;
  }
  void keep(bool done) {
    if (done) secrets_.push_back(secret_);
  }

  void step() {
    const Caller caller{"limited", {}, {}, &principal_.reach, ActorKind::key, &principal_};
    switch (upto(11)) {
      case 0:
        return keep(engine_->create(any_key(), caller).has_value());
      case 1: {
        const std::array asked{any_key()};
        const auto created = engine_->create_many(asked, caller);
        ASSERT_TRUE(created);
        return keep(!created->errors[0]);
      }
      case 2:
        secret_ = upto(8) == 0 ? any_id() : "secret-" + std::to_string(++made_);
        return keep(engine_->rotate(any_id(), digest_of(secret_), 1000, caller).has_value());
      case 3:
        return void(engine_->suspend(any_id(), "s", caller));
      case 4:
        return void(engine_->resume(any_id(), "r", caller));
      case 5:
        return void(engine_->revoke(any_id(), "by id", caller));
      case 6:
        return void(engine_->revoke(digest_of(any_id()), "by digest", caller));
      case 7: {
        const auto id = any_id();
        std::array asked{AskedRevocation{id, {}, "many"}, AskedRevocation{{}, digest_of(any_id()), "many"}};
        return void(engine_->revoke_many(asked, upto(2) == 0, caller));
      }
      case 8: {
        if (upto(4) != 0) return;  // otherwise it has no keys left to use
        const auto scope = all_scopes[upto(3)];
        return void(engine_->revoke_owner(scope, one_of(names_of(scope)), "owner", caller));
      }
      case 9: {
        KeyQuery query;
        query.limit = 1 + upto(50);
        query.after = any_id();
        query.reach = caller.reach;
        for (const Scope scope : all_scopes) {
          if (upto(3) == 0) query.owners[static_cast<std::size_t>(scope)] = one_of(names_of(scope));
        }
        const auto page = engine_->list(query, now_);
        if (!page) {  // the list of a user continues after a sequence, not after an id
          EXPECT_EQ(page.error(), make_error_code(errc::invalid_field));
          return;
        }
        for (const auto& key : page->keys)
          EXPECT_TRUE(principal_.reach.covers(key.decision.owners)) << key.decision.key_id;
        return;
      }
      default: {
        AuditQuery query;
        if (upto(2) == 0) query.key_id = any_id();
        if (upto(3) == 0) query.user = one_of(users);
        query.reach = caller.reach;
        EXPECT_TRUE(engine_->audit(query, [](Sequence, const EventView&) {}));
        const auto id = any_id();
        const auto found = engine_->describe(id, now_, caller.reach);
        if (found) {
          EXPECT_TRUE(principal_.reach.covers(found->decision.owners)) << id;
        }
        return;
      }
    }
  }

  static constexpr UnixMs far_away = 5'000'000'000'000;
  std::mt19937_64 random_;
  const Principal principal_;
  const UnixMs now_ = now_unix_ms() + 3'600'000;  // after every grace
  std::shared_ptr<FakeDisk> disk_ = std::make_shared<FakeDisk>();
  Harness engine_{disk_};
  std::vector<std::string> ids_;
  std::vector<Owners> owners_;
  std::vector<std::size_t> foreign_;
  std::vector<std::string> secrets_;
  std::string id_;
  std::string secret_;
  int made_ = 0;
};

TEST(Tenants, P13FairALimitedCallerChangesNothingForOthers) {
  const std::vector<Principal> callers{
      limited_to({{{}, {}, {"w1"}}}),       limited_to({{{"u1"}, {}, {"w1"}}}),
      limited_to({{{}, {}, {"w1", "w3"}}}), limited_to({{{"u1"}, {}, {}}}),
      limited_to({{{}, {"a1", "a2"}, {}}}), limited_to({{{"u1"}, {"a1"}, {}}})};
  for (std::uint64_t seed = 1; seed <= (revoked::test::sanitized ? 1 : 4); ++seed) {
    for (std::size_t i = 0; i < callers.size(); ++i) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", caller " + std::to_string(i));
      Tenants(seed, callers[i]).run(200);
      if (testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace revoked::engine::tenants_test
