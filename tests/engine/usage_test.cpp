// The use of keys, as gateways report it.

#include <gtest/gtest.h>

#include <fstream>

#include "tests/engine/engine_harness.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::usage_test {

using revoked::test::TemporaryDirectory;
using test::Harness;

constexpr UnixMs hour = DeniedUses::event_every;

class UsageTest : public testing::Test {
 protected:
  static Engine::Options options(const std::string& file) {
    Engine::Options options;
    options.usage_file = file;
    return options;
  }

  Usage usage(std::string gateway = "edge-1") {
    Usage usage;
    usage.gateway = std::move(gateway);
    usage.batch = std::to_string(++batches_);
    return usage;
  }
  static DeniedUse denied(std::string key_id, std::uint64_t count, UnixMs at) {
    return {std::move(key_id), {count, at, at}, "192.0.2.0/24"};
  }
  static Caller reporter() {
    Caller caller;
    caller.actor = "the-key-of-a-gateway";
    caller.actor_kind = ActorKind::key;
    return caller;
  }
  std::uint64_t take(const Usage& usage, const Caller& caller = reporter()) {
    return engine_->take_usage(usage, "sender", caller).value().ignored;
  }
  std::uint64_t take_denied(const std::string& key_id, std::uint64_t count,
                            const std::string& gateway = "edge-1", UnixMs at = now_unix_ms()) {
    auto one = usage(gateway);
    one.denied.push_back(denied(key_id, count, at));
    return take(one);
  }
  void take_use(const std::string& key_id, UnixMs at) {
    auto one = usage();
    one.uses.push_back({key_id, minute_of(at)});
    EXPECT_EQ(take(one), 0u);
  }
  KeyDescription record(const std::string& key_id) {
    return engine_->describe(key_id, now_unix_ms()).value();
  }
  std::uint64_t used_after_revocation(const std::string& key_id) {
    const auto used = record(key_id).used_after_revocation;
    return used ? used->attempts.count : 0;
  }
  std::size_t events(const std::string& key_id) {
    engine_.sync();
    std::size_t found = 0;
    AuditQuery query;
    query.key_id = key_id;
    EXPECT_TRUE(engine_->audit(query, [&](Sequence, const EventView& event) {
      found += event.type == EventType::key_used_after_revocation;
    }));
    return found;
  }
  void create_revoked(const std::string& key_id) {
    ASSERT_TRUE(engine_.create(key_id));
    ASSERT_TRUE(engine_->revoke(key_id, "", {}));
    engine_.sync();
  }
  std::vector<std::string> dormant(UnixMs before, std::string_view user = {}, std::size_t limit = 100) {
    std::vector<std::string> ids;
    KeyQuery query;
    query.used_before = before;
    query.limit = limit;
    query.owners[0] = user;
    for (bool more = true; more;) {
      const auto page = engine_->list(query, now_unix_ms()).value();
      EXPECT_LE(page.keys.size(), limit);
      for (const auto& key : page.keys) ids.push_back(key.decision.key_id);
      query.after = page.last;
      more = page.more;
    }
    return ids;
  }

  TemporaryDirectory directory_;
  std::string file_ = directory_ / "usage";
  Harness engine_{directory_ / "data", options(file_)};
  int batches_ = 0;
};

TEST_F(UsageTest, AVerificationIsAUseOfAnActiveKeyWithinReach) {
  for (const auto* id : {"a", "b", "c"}) ASSERT_TRUE(engine_.create(id, {"", "", "w1"}));
  ASSERT_TRUE(engine_->suspend("b", "", {}));
  engine_.sync();
  Reach reach;
  reach.limits[static_cast<std::size_t>(Scope::workspace)] = {"w2"};
  const auto now = now_unix_ms();
  Decision decision;
  ASSERT_TRUE(engine_->verify_use(test::digest_of("a"), now, nullptr, decision));
  EXPECT_EQ(decision.state, KeyState::active);
  ASSERT_TRUE(engine_->verify_use(test::digest_of("b"), now, nullptr, decision));
  EXPECT_EQ(decision.state, KeyState::suspended);
  ASSERT_TRUE(engine_->verify_use(test::digest_of("c"), now, &reach, decision));
  EXPECT_EQ(decision.state, KeyState::unknown);
  EXPECT_EQ(record("a").last_used_at, start_of(minute_of(now)));
  EXPECT_EQ(record("b").last_used_at, 0);
  EXPECT_EQ(record("c").last_used_at, 0);
}

TEST_F(UsageTest, TheLatestReportedMinuteCountsButNoneInTheFuture) {
  ASSERT_TRUE(engine_.create("a"));
  engine_.sync();
  const auto now = now_unix_ms();
  take_use("a", now + 1000 * hour);
  EXPECT_LE(record("a").last_used_at, now_unix_ms());
  EXPECT_GE(record("a").last_used_at, start_of(minute_of(now)));
  take_use("a", now - 2 * hour);
  EXPECT_GE(record("a").last_used_at, start_of(minute_of(now))) << "an earlier one changes nothing";
}

TEST_F(UsageTest, AUseBeforeTheKeyWasThereIsNone) {
  ASSERT_TRUE(engine_.create("a"));
  engine_.sync();
  take_use("a", now_unix_ms() - hour);
  EXPECT_EQ(record("a").last_used_at, 0);
  ASSERT_TRUE(engine_->revoke("a", "", {}));
  take_denied("a", 1, "edge-1", now_unix_ms() - hour);
  EXPECT_EQ(record("a").used_after_revocation->attempts.first_at, record("a").recorded_at);
  take_denied("a", 1, "edge-1", now_unix_ms() + hour);
  EXPECT_LE(record("a").used_after_revocation->attempts.last_at, now_unix_ms());
}

TEST_F(UsageTest, UnknownKeysThoseOutOfReachAndActiveOnesAreIgnoredAndCounted) {
  ASSERT_TRUE(engine_.create("a", {"", "", "w1"}));
  ASSERT_TRUE(engine_.create("b", {"", "", "w1"}));
  ASSERT_TRUE(engine_->revoke("b", "", {}));
  engine_.sync();
  Reach reach;
  reach.limits[static_cast<std::size_t>(Scope::workspace)] = {"w2"};
  auto all = usage();
  const auto now = now_unix_ms();
  all.uses = {{"a", minute_of(now)}, {"nobody", minute_of(now)}};
  all.denied = {denied("b", 3, now), denied("nobody", 3, now), denied("a", 3, now)};
  all.dropped = 7;
  auto limited = reporter();
  limited.reach = &reach;
  EXPECT_EQ(take(all, limited), 5u);
  EXPECT_EQ(record("a").last_used_at, 0);
  EXPECT_EQ(used_after_revocation("b"), 0u);
  all.batch = "another";
  EXPECT_EQ(take(all), 3u);
  EXPECT_EQ(used_after_revocation("b"), 3u);
  EXPECT_EQ(used_after_revocation("a"), 0u);
  EXPECT_EQ(engine_->usage_counts().ignored, 8u);
  EXPECT_EQ(engine_->usage_counts().dropped, 14u);
}

TEST_F(UsageTest, TheAttemptsAreCountedByTheStateOfTheKey) {
  create_revoked("a");
  ASSERT_TRUE(engine_.create("b"));
  ASSERT_TRUE(engine_.create("c"));
  ASSERT_TRUE(engine_->suspend("b", "", {}));
  ASSERT_TRUE(engine_->rotate("c", sha256("a new secret"), hour, {}));
  engine_.sync();
  take_denied("a", 3, "edge-1");
  take_denied("b", 5, "edge-1");
  take_denied("c", 7, "edge-2");
  const auto counts = engine_->usage_counts().denied;
  EXPECT_EQ(counts[static_cast<std::size_t>(KeyState::revoked)], 10u) << "with an old secret, too";
  EXPECT_EQ(counts[static_cast<std::size_t>(KeyState::suspended)], 5u);
  EXPECT_EQ(counts[static_cast<std::size_t>(KeyState::expired)], 0u);
}

TEST_F(UsageTest, ABatchThatIsSentAgainCountsOnce) {
  create_revoked("a");
  auto batch = usage();
  batch.denied.push_back(denied("a", 3, now_unix_ms()));
  take(batch);
  take(batch);
  EXPECT_EQ(used_after_revocation("a"), 3u);
  batch.gateway = "edge-2";
  take(batch);
  EXPECT_EQ(used_after_revocation("a"), 6u) << "of another gateway";
}

TEST_F(UsageTest, TheTrailHasOneEventAnHourForEachKeyAndGateway) {
  create_revoked("a");
  create_revoked("b");
  for (int i = 0; i < 3; ++i) {
    take_denied("a", 2, "edge-1");
    take_denied("a", 2, "edge-2");
    take_denied("b", 2, "edge-1");
  }
  EXPECT_EQ(events("a"), 2u);
  EXPECT_EQ(events("b"), 1u);
  EXPECT_EQ(used_after_revocation("a"), 12u);
  EXPECT_EQ(record("a").used_after_revocation->gateways, (std::vector<std::string>{"edge-1", "edge-2"}));
  engine_.restart();
  EXPECT_EQ(used_after_revocation("a"), 12u);
  take_denied("a", 2, "edge-2");
  EXPECT_EQ(events("a"), 2u) << "the hour goes on after a restart";
  EXPECT_EQ(used_after_revocation("a"), 14u);
}

TEST_F(UsageTest, TheEventsThatACallerCausesAreBounded) {
  const auto most = Engine::denied_use_rates.caller.burst;
  auto all = usage();
  for (std::int64_t i = 0; i < most + 50; ++i) {
    const auto id = "k" + std::to_string(i);
    ASSERT_TRUE(engine_.create(id));
    ASSERT_TRUE(engine_->revoke(id, "", {}));
    all.denied.push_back(denied(id, 1, now_unix_ms()));
  }
  engine_.sync();
  const auto before = engine_->applied();
  take(all);
  EXPECT_GE(engine_->applied() - before, static_cast<Sequence>(most));
  EXPECT_LT(engine_->applied() - before, static_cast<Sequence>(most) + 50);
  EXPECT_EQ(used_after_revocation("k" + std::to_string(most + 49)), 1u) << "the record has it all the same";
}

TEST_F(UsageTest, WithoutItsFileTheTrailIsWhatIsKnown) {
  create_revoked("a");
  take_denied("a", 2, "edge-1");
  take_denied("a", 5, "edge-1");
  take_denied("a", 1, "edge-2");
  engine_.sync();
  engine_.stop();
  std::filesystem::remove(file_);
  engine_.start();
  ASSERT_TRUE(engine_.started());
  EXPECT_EQ(used_after_revocation("a"), 8u) << "the last event has the total";
  take_denied("a", 1, "edge-1");
  take_denied("a", 1, "edge-2");
  EXPECT_EQ(events("a"), 2u);
  EXPECT_EQ(used_after_revocation("a"), 10u);
  EXPECT_EQ(record("a").used_after_revocation->gateways.size(), 2u);
}

TEST_F(UsageTest, LastUsesSurviveARestartWithTheSecretsOfARotatedKey) {
  for (const auto* id : {"a", "b", "c"}) ASSERT_TRUE(engine_.create(id));
  engine_.sync();
  Decision decision;
  const auto now = now_unix_ms();
  ASSERT_TRUE(engine_->verify_use(test::digest_of("a"), now, nullptr, decision));
  ASSERT_TRUE(engine_->verify_use(test::digest_of("c"), now + 2 * minute_ms, nullptr, decision));
  ASSERT_TRUE(engine_->rotate("a", test::digest_of("a2"), 10 * hour, {}));
  engine_.sync();
  const auto since = engine_->uses_since();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(record("a").last_used_at, start_of(minute_of(now)));
    EXPECT_EQ(record("b").last_used_at, 0);
    EXPECT_EQ(record("c").last_used_at, start_of(minute_of(now + 2 * minute_ms)));
    EXPECT_EQ(engine_->uses_since(), since);
    engine_.restart();
    ASSERT_TRUE(engine_.started());
  }
}

TEST_F(UsageTest, ADamagedFileAndOneOfAnotherEngineCountAsNone) {
  create_revoked("a");
  ASSERT_TRUE(engine_.create("b"));
  engine_.sync();
  take_use("b", now_unix_ms());
  take_denied("a", 1);
  take_denied("a", 1);
  engine_.stop();
  {
    std::fstream file(file_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-40, std::ios::end);
    file.put('x');
  }
  const auto before = now_unix_ms();
  engine_.start();
  ASSERT_TRUE(engine_.started());
  EXPECT_GE(engine_->uses_since(), before) << "nothing is known of the time before";
  EXPECT_EQ(used_after_revocation("a"), 1u);
  EXPECT_EQ(record("b").last_used_at, 0);
  engine_.stop();

  Harness other(directory_ / "other", options(file_));
  ASSERT_TRUE(other.started());
  EXPECT_GE(other->uses_since(), before);
  EXPECT_TRUE(other.create("b"));
  other.sync();
  EXPECT_EQ(other->describe("b", now_unix_ms())->last_used_at, 0);
}

TEST_F(UsageTest, OldSecretsOfARotatedKeyAreUsedAfterTheirEnd) {
  ASSERT_TRUE(engine_.create("a"));
  ASSERT_TRUE(engine_->rotate("a", test::digest_of("a2"), 0, {}));
  engine_.sync();
  EXPECT_EQ(take_denied("a", 1), 0u);
  EXPECT_EQ(used_after_revocation("a"), 1u);
}

TEST_F(UsageTest, DormantKeysAreThoseNotUsedSince) {
  for (const auto* id : {"a", "b", "c", "d"}) ASSERT_TRUE(engine_.create(id, {"u1", "", ""}));
  engine_.sync();
  const auto created = now_unix_ms();
  const auto much_later = created + 5 * minute_ms;
  Decision decision;
  ASSERT_TRUE(engine_->verify_use(test::digest_of("b"), much_later, nullptr, decision));
  using Ids = std::vector<std::string>;
  EXPECT_EQ(dormant(much_later - minute_ms), (Ids{"a", "c", "d"}));
  EXPECT_EQ(dormant(much_later - minute_ms, {}, 1), (Ids{"a", "c", "d"})) << "page by page";
  EXPECT_EQ(dormant(much_later - minute_ms, "u1"), (Ids{"a", "c", "d"}));
  EXPECT_EQ(dormant(much_later + minute_ms), (Ids{"a", "b", "c", "d"}));
  EXPECT_EQ(dormant(engine_->uses_since()), Ids{}) << "nothing is known of that time";
}

TEST_F(UsageTest, AKeyThatWasImportedCountsAsUsedThen) {
  NewKey key;
  key.key_id = "old";
  key.digest = test::digest_of("old");
  key.created_at = 1'000'000'000'000;
  ASSERT_TRUE(engine_->create(key, {}));
  engine_.sync();
  const auto imported = record("old").recorded_at;
  EXPECT_EQ(dormant(imported), (std::vector<std::string>{}));
  EXPECT_EQ(dormant(now_unix_ms() + minute_ms), (std::vector<std::string>{"old"}));
}

}  // namespace revoked::engine::usage_test
