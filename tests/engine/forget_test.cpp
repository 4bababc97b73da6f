// Keys that are permanently inactive leave the tables, and never become active again (P2).

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/engine/engine_harness.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::forget_test {

using revoked::test::eventually;
using revoked::test::TemporaryDirectory;
using revoked::test::when_idle;
using test::digest_of;
using test::Harness;

class Forget : public testing::Test {
 protected:
  static Engine::Options options(const std::string& directory) {
    Engine::Options options;
    options.checkpoint_file = directory + "/tables";
    options.checkpoint_after = 1;
    options.forget_after = std::chrono::seconds(1);
    return options;
  }
  Forget() : engine_(directory_.path(), options(directory_.path())) {}

  // Repeats the verb while data must be read.
  template <class Verb>
  auto ask(Verb&& verb, const Reach* reach = nullptr) {
    Recalled recalled;
    Caller caller;
    caller.reach = reach;
    caller.recalled = &recalled;
    while (true) {
      auto done = verb(caller);
      if (done || done.error() != errc::not_recalled) return done;
      if (const auto read = engine_->recall(recalled); !read) {
        ADD_FAILURE() << read.error().message();
        return done;
      }
    }
  }
  result<CreatedKey> create(std::string_view id, std::string_view secret, NewKey key = {}) {
    key.key_id = id;
    key.digest = digest_of(secret);
    auto created = ask([&](const Caller& caller) { return engine_->create(key, caller); });
    if (created) {
      EXPECT_TRUE(engine_.wait_until_durable(created->sequence));
    }
    return created;
  }
  RevokedKey revoke(std::string_view id, std::string_view reason = "leaked") {
    const auto revoked = ask([&](const Caller& caller) { return engine_->revoke(id, reason, caller); });
    EXPECT_TRUE(revoked) << revoked.error().message();
    if (!revoked) return {};
    EXPECT_TRUE(engine_.wait_until_durable(revoked->sequence));
    return *revoked;
  }
  KeyState state_of(std::string_view secret) {
    Decision decision;
    EXPECT_TRUE(engine_->verify(digest_of(secret), now_unix_ms(), decision));
    return decision.state;
  }
  void wait_for_keys(std::size_t count) {
    ASSERT_TRUE(eventually([&] { return engine_->size().keys == count; }, when_idle)) << engine_->size().keys;
  }

  TemporaryDirectory directory_;
  Harness engine_;
};

TEST_F(Forget, ARevokedKeyLeavesAndStaysKnown) {
  NewKey key;
  key.owners = {"ann", "", "w1"};
  key.name = "of ann";
  ASSERT_TRUE(create("lives", "secret of lives"));
  ASSERT_TRUE(create("dies", "secret of dies", key));
  const auto revoked = revoke("dies");
  EXPECT_EQ(state_of("secret of dies"), KeyState::revoked);
  const auto before = engine_->describe("dies", now_unix_ms());
  ASSERT_TRUE(before);
  wait_for_keys(1);

  EXPECT_EQ(state_of("secret of dies"), KeyState::unknown);
  EXPECT_EQ(state_of("secret of lives"), KeyState::active);
  for (int start = 0; start < 2; ++start) {
    const auto found = engine_->describe("dies", now_unix_ms());
    ASSERT_TRUE(found) << found.error().message();
    EXPECT_EQ(found->name, "of ann");
    EXPECT_EQ(found->decision.state, KeyState::revoked);
    EXPECT_EQ(found->decision.owners, before->decision.owners);
    EXPECT_EQ(found->created_at, before->created_at);
    EXPECT_EQ(found->revocation->position, engine_->position_of(revoked.sequence));
    EXPECT_EQ(found->revocation->reason, "leaked");
    EXPECT_TRUE(revoke("dies").already);
    engine_.restart();
    ASSERT_TRUE(engine_.started());
    EXPECT_EQ(engine_->size().keys, 1u);
  }
}

TEST_F(Forget, NeitherIdNorSecretComesBack) {
  ASSERT_TRUE(create("dies", "first secret"));
  ASSERT_TRUE(ask(
      [&](const Caller& caller) { return engine_->rotate("dies", digest_of("second secret"), 0, caller); }));
  revoke("dies");
  wait_for_keys(0);
  for (const bool with_checkpoint : {true, false}) {
    EXPECT_EQ(create("dies", "another").error(), errc::already_exists);
    EXPECT_EQ(create("other", "first secret").error(), errc::already_exists);
    EXPECT_EQ(create("other", "second secret").error(), errc::already_exists);
    std::vector<NewKey> asked(2);
    asked[0].key_id = "dies";
    asked[0].digest = digest_of("x");
    asked[1].key_id = "y";
    asked[1].digest = digest_of("first secret");
    const auto many = ask([&](const Caller& caller) { return engine_->create_many(asked, caller); });
    ASSERT_TRUE(many);
    for (const auto& error : many->errors) EXPECT_EQ(error, errc::already_exists);
    engine_.stop();
    if (!with_checkpoint) std::filesystem::remove(directory_.path() / "tables");
    engine_.start();
    ASSERT_TRUE(engine_.started());
  }
  EXPECT_TRUE(create("new", "new secret"));
}

TEST_F(Forget, AnExpiredKeyCanStillBeRevoked) {
  NewKey key;
  key.expires_at = now_unix_ms() + 1;
  ASSERT_TRUE(create("ends", "secret", key));
  wait_for_keys(0);
  EXPECT_EQ(engine_->describe("ends", now_unix_ms())->decision.state, KeyState::expired);
  const auto suspend = [&](const Caller& caller) { return engine_->suspend("ends", "", caller); };
  EXPECT_EQ(ask(suspend).error(), errc::not_active);

  const auto revoked = revoke("ends", "late");
  EXPECT_FALSE(revoked.already);
  const auto found = engine_->describe("ends", now_unix_ms());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->decision.state, KeyState::revoked);
  EXPECT_EQ(found->revocation->reason, "late");
  const auto again = revoke("ends", "later");
  EXPECT_TRUE(again.already);
  EXPECT_EQ(again.sequence, revoked.sequence);
  EXPECT_EQ(ask(suspend).error(), errc::already_revoked);
}

// Repeated revocations of an owner do not keep its revoked keys in the tables.
TEST_F(Forget, KeysOfARevokedOwnerLeave) {
  NewKey key;
  key.owners = {"ann", "", ""};
  ASSERT_TRUE(create("a", "a", key));
  const auto first = engine_->revoke_owner(Scope::user, "ann", "left", {});
  ASSERT_TRUE(first);
  ASSERT_TRUE(create("late", "late", key));
  int round = 0;
  const auto has_left = [&] {
    const auto now = engine_->describe("a", now_unix_ms());
    EXPECT_TRUE(now && now->revocation);
    const auto id = "b" + std::to_string(round++);
    EXPECT_TRUE(create(id, id, key));
    EXPECT_TRUE(engine_->revoke_owner(Scope::user, "ann", "again", {}));
    return state_of("a") == KeyState::unknown;
  };
  EXPECT_TRUE(eventually(has_left, when_idle));
  const auto found = engine_->describe("a", now_unix_ms());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->revocation->position, engine_->position_of(first->sequence));
  EXPECT_EQ(found->revocation->reason, "left");
}

TEST_F(Forget, ListsAndTheTrailShowThem) {
  NewKey key;
  key.owners = {"ann", "", ""};
  for (const auto* id : {"a", "b", "c"}) ASSERT_TRUE(create(id, id, key));
  revoke("a");
  revoke("c");
  wait_for_keys(1);
  const auto list = [&](KeyQuery query) {
    std::string ids;
    for (bool more = true; more;) {
      const auto page = engine_->list(query, now_unix_ms());
      if (!page) return page.error().message();
      for (const auto& each : page->keys)
        ids += each.decision.key_id + "=" + std::string(to_string(each.decision.state)) + " ";
      query.after = page->last;
      more = page->more;
    }
    return ids;
  };
  KeyQuery all;
  EXPECT_EQ(list(all), "b=active a=revoked c=revoked ");
  all.state = KeyState::active;
  EXPECT_EQ(list(all), "b=active ");
  KeyQuery of_ann;
  of_ann.owners[0] = "ann";
  EXPECT_EQ(list(of_ann), "a=revoked b=active c=revoked ");
  of_ann.owners[0] = "bob";
  EXPECT_EQ(list(of_ann), "");

  AuditQuery query;
  query.key_id = "a";
  std::vector<EventType> types;
  const auto read =
      engine_->audit(query, [&](Sequence, const EventView& event) { types.push_back(event.type); });
  ASSERT_TRUE(read);
  EXPECT_EQ(types, (std::vector{EventType::key_created, EventType::key_revoked}));
  query.key_id.clear();
  types.clear();
  ASSERT_TRUE(engine_->audit(query, [&](Sequence, const EventView& event) { types.push_back(event.type); }));
  EXPECT_EQ(types.size(), 5u) << "three creations and two revocations, and no event of removal";
}

// A key out of reach is reported as not found, in memory or not.
TEST_F(Forget, OutOfReachIsNotThere) {
  NewKey key;
  key.owners = {"", "", "w1"};
  ASSERT_TRUE(create("a", "a", key));
  revoke("a");
  wait_for_keys(0);
  Reach reach;
  reach.limits[static_cast<std::size_t>(Scope::workspace)] = {"w2"};
  const auto revoke_a = [&](const Caller& caller) { return engine_->revoke("a", "", caller); };
  EXPECT_EQ(ask(revoke_a, &reach).error(), errc::not_found);
  EXPECT_EQ(engine_->describe("a", now_unix_ms(), &reach).error(), errc::not_found);
  const std::vector<AskedRevocation> asked{{"a", {}, {}}};
  const auto many =
      ask([&](const Caller& caller) { return engine_->revoke_many(asked, false, caller); }, &reach);
  ASSERT_TRUE(many);
  EXPECT_EQ(many->outcomes.front(), RevokedMany::Outcome::not_found);
  reach.limits[static_cast<std::size_t>(Scope::workspace)] = {"w1"};
  EXPECT_TRUE(ask(revoke_a, &reach)->already);
}

// Look-ups, lists and changes continue while keys are created and removed, and no reader ever sees another
// key's data under an id or a secret.
TEST_F(Forget, NobodyReadsARecordThatIsAnothers) {
  std::atomic<bool> over{false};
  std::atomic<int> newest{-1};
  const auto name = [](int i) { return "key-with-a-long-id-" + std::to_string(i); };
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&, r] {
      for (int i = r; !over; i += 7) {
        if (newest < 0) continue;
        const auto id = name(i % (newest + 1));
        Decision decision;
        ASSERT_TRUE(engine_->verify(digest_of(id), now_unix_ms(), decision));
        if (decision.state != KeyState::unknown) {
          ASSERT_EQ(decision.key_id, id);
          ASSERT_EQ(decision.owners[0], "u" + id);
        }
        if (i % 64 == r) {
          KeyQuery query;
          const auto page = engine_->list(query, now_unix_ms());
          ASSERT_TRUE(page);
          for (const auto& key : page->keys) ASSERT_EQ(key.decision.owners[0], "u" + key.decision.key_id);
          // It can always be described, also while it leaves.
          const auto found = engine_->describe(id, now_unix_ms());
          ASSERT_TRUE(found || found.error() == errc::overloaded) << found.error().message();
          if (found) {
            ASSERT_EQ(found->decision.key_id, id);
          }
        }
      }
    });
  }
  // Until keys have left four times, so that many records were reused.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  std::size_t before = 0;
  for (int i = 0, times = 0; times < 4 && std::chrono::steady_clock::now() < until; ++i) {
    const auto id = name(i);
    const auto user = "u" + id;
    NewKey key;
    key.owners = {user, "", ""};
    ASSERT_TRUE(create(id, id, key));
    newest = i;
    ASSERT_TRUE(ask([&](const Caller& caller) { return engine_->revoke(id, "", caller); }));
    const auto size = engine_->size().keys;
    times += size < before;
    before = size;
  }
  over = true;
  for (auto& reader : readers) reader.join();
  wait_for_keys(0);
}

}  // namespace revoked::engine::forget_test
