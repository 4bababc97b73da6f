// Which keys a webhook is told of because they expire, and when.

#include "cache/webhooks/expiry_tracker.hpp"

#include <gmock/gmock.h>

#include "engine/model/forgotten_key.hpp"
#include "tests/engine/engine_fixtures.hpp"

namespace revoked::cache::expiry_tracker_test {

using engine::Sequence;
using engine::UnixMs;
using engine::test::digest_of;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t expiring = 0;
constexpr std::size_t expired = 1;
constexpr UnixMs lead = 10'000;

class ToldOfExpiry : public engine::test::FakeDiskFixture {
 protected:
  static Webhook hook_of(std::initializer_list<std::size_t> kinds) {
    Webhook hook;
    for (const auto kind : kinds) hook.events.set(expiry_events[kind]);
    hook.expiring_before = std::chrono::milliseconds(lead);
    return hook;
  }
  ExpiryTracker tracker(std::initializer_list<std::size_t> kinds) { return tracker(kinds, {}, now_); }
  ExpiryTracker tracker(std::initializer_list<std::size_t> kinds, const ExpiryMarks& marks, UnixMs now) {
    ExpiryTracker made(engine_.engine(), hook_of(kinds));
    made.begin(marks, now);
    return made;
  }

  void create(std::string_view id, UnixMs expires_at) {
    engine::NewKey key;
    key.key_id = id;
    key.digest = digest_of(id);
    key.expires_at = expires_at;
    engine_->create(key, {}).value();
  }
  void edit(std::string_view id, UnixMs expires_at) {
    engine::KeyEdit edit;
    edit.expires_at = expires_at;
    engine_->edit(id, edit, {}).value();
  }

  // What is due because of all events that it has not seen.
  std::vector<ExpiryTracker::Due> see(ExpiryTracker& tracker) {
    engine_.sync();
    std::vector<ExpiryTracker::Due> due;
    (void)engine_->read_journal(seen_, [&](const engine::BatchView& batch) {
      return batch.for_each([&](Sequence sequence, const engine::EventView& event) {
        if (sequence <= seen_) return;
        seen_ = sequence;
        tracker.see(sequence, event, [&](const auto& each) { due.push_back(each); });
      });
    });
    return due;
  }
  void begin_scan(ExpiryTracker& tracker, UnixMs now) {
    tracker.begin_scan(now);
    while (tracker.scan_piece()) {
    }
  }
  // What it is told of then: key ids, those of key.expired with a mark.
  std::vector<std::string> scan(ExpiryTracker& tracker, UnixMs now) {
    begin_scan(tracker, now);
    tracker.end_scan(engine_->applied());
    std::vector<std::string> told;
    while (const auto due = tracker.next()) {
      told.push_back((due->kind == expired ? "!" : "") + due->key.key_id);
      tracker.told(*due);
    }
    return told;
  }

  const UnixMs now_ = engine::now_unix_ms();
  Sequence seen_ = 0;
};

TEST_F(ToldOfExpiry, InTheOrderOfExpiryEachOnce) {
  auto hook = tracker({expiring, expired});
  create("c", now_ + 20'000);
  create("a", now_ + 30'000);
  create("b", now_ + 20'000);
  create("later", now_ + 60'000);
  create("never", 0);
  EXPECT_THAT(see(hook), IsEmpty());
  EXPECT_THAT(scan(hook, now_ + 9'999), IsEmpty());
  EXPECT_THAT(scan(hook, now_ + 10'000), ElementsAre("b", "c"));
  EXPECT_THAT(scan(hook, now_ + 25'000), ElementsAre("a", "!b", "!c"));
  EXPECT_THAT(scan(hook, now_ + 25'000), IsEmpty());
  EXPECT_THAT(scan(hook, now_ + 20'000), IsEmpty()) << "the clock was set back";
  EXPECT_THAT(scan(hook, now_ + 60'000), ElementsAre("later", "!a", "!later"));
}

TEST_F(ToldOfExpiry, WhatItWants) {
  auto only_expired = tracker({expired});
  auto none = tracker({});
  EXPECT_TRUE(only_expired.is_used());
  EXPECT_FALSE(none.is_used());
  create("a", now_ + 20'000);
  engine_.sync();
  EXPECT_THAT(scan(only_expired, now_ + 15'000), IsEmpty());
  EXPECT_THAT(scan(only_expired, now_ + 25'000), ElementsAre("!a"));
  EXPECT_THAT(scan(none, now_ + 25'000), IsEmpty());
}

TEST_F(ToldOfExpiry, ManyThatExpireTogetherInBatchesOfBoundedSize) {
  auto hook = tracker({expired});
  const auto count = 2 * ExpiryTracker::max_found + 100;
  for (std::size_t i = 0; i < count; ++i) create("k" + std::to_string(i), now_ + 20'000);
  create("z", now_ + 20'001);
  engine_.sync();
  std::vector<std::string> all;
  for (std::size_t scans = 1; scans <= 3; ++scans) {
    const auto told = scan(hook, now_ + 30'000);
    EXPECT_LE(told.size(), ExpiryTracker::max_found);
    EXPECT_EQ(hook.has_more(), scans < 3);
    all.insert(all.end(), told.begin(), told.end());
  }
  EXPECT_EQ(all.size(), count + 1);
  EXPECT_TRUE(std::ranges::is_sorted(all));
  EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
}

TEST_F(ToldOfExpiry, FromNowOnIfItIsNew) {
  create("expired", now_ - 1);
  create("expiring", now_ + lead - 1);
  create("a", now_ + lead + 1);
  engine_.sync();
  auto hook = tracker({expiring, expired});
  EXPECT_THAT(scan(hook, now_ + 1), ElementsAre("a"));
  EXPECT_THAT(scan(hook, now_ + lead), ElementsAre("!expiring"));
}

TEST_F(ToldOfExpiry, AgainFromItsMarks) {
  auto hook = tracker({expiring, expired});
  for (const auto* const id : {"a", "b", "c"}) create(id, now_ + 20'000);
  see(hook);
  begin_scan(hook, now_ + 30'000);
  hook.end_scan(engine_->applied());
  for (int i = 0; i < 4; ++i) hook.told(*hook.next());  // all of one kind, and one of the other
  const auto marks = hook.marks(seen_);
  EXPECT_EQ(marks[expired], (ExpiryMark{now_ + 20'000, "a"}));
  auto restarted = tracker({expiring, expired}, marks, now_ + 30'000);
  EXPECT_EQ(restarted.marks(seen_), marks);
  EXPECT_THAT(scan(restarted, now_ + 30'000), ElementsAre("!b", "!c"));
  auto anew = tracker({expiring}, {std::nullopt, marks[expired]}, now_ + 30'000);
  EXPECT_FALSE(anew.marks(seen_)[expired]) << "what it does not want any more";
}

TEST_F(ToldOfExpiry, AgainWhatIsNotDueAnyMore) {
  create("a", now_ + 5'000);
  engine_.sync();
  seen_ = engine_->applied();
  // Its lead was longer.
  auto hook = tracker({expiring}, {ExpiryMark{now_ + 100'000, ""}, std::nullopt}, now_);
  create("b", now_ + 15'000);
  create("c", now_ + 16'000);
  EXPECT_THAT(see(hook), IsEmpty()) << "at once";
  EXPECT_THAT(scan(hook, now_ + 6'000), ElementsAre("b", "c"));
  EXPECT_THAT(scan(hook, now_ + 5'000), IsEmpty()) << "the clock was set back";
  create("d", now_ + 16'000);
  EXPECT_THAT(see(hook), IsEmpty()) << "at once";
  EXPECT_THAT(scan(hook, now_ + 6'000), ElementsAre("c", "d"));
}

TEST_F(ToldOfExpiry, FromBeforeTheScanUntilTheEventsDuringItAreTold) {
  auto hook = tracker({expired});
  const auto before = hook.marks(seen_);
  engine_.sync();
  seen_ = engine_->applied();
  begin_scan(hook, now_ + 30'000);
  create("during", now_ + 20'000);
  hook.end_scan(engine_->applied());
  EXPECT_EQ(hook.marks(seen_), before);
  EXPECT_EQ(hook.marks(seen_ + 1)[expired], (ExpiryMark{now_ + 30'001, ""}));
}

TEST_F(ToldOfExpiry, AtOnceIfTheExpiryIsSetBehindTheScan) {
  auto hook = tracker({expiring, expired});
  create("a", now_ + 60'000);
  EXPECT_THAT(see(hook), IsEmpty());
  EXPECT_EQ(hook.next_due(), now_ + 60'000 - lead);
  scan(hook, now_ + 20'000);
  EXPECT_EQ(hook.next_due(), now_ + 60'000 - lead) << "it is not due yet";
  create("short", now_ + 25'000);
  EXPECT_THAT(see(hook), ElementsAre(ExpiryTracker::Due{expiring, {now_ + 25'000, "short"}}));
  EXPECT_EQ(hook.next_due(), now_ + 25'000) << "when it has expired";
  edit("a", now_ + 15'000);
  EXPECT_THAT(see(hook), ElementsAre(ExpiryTracker::Due{expiring, {now_ + 15'000, "a"}},
                                     ExpiryTracker::Due{expired, {now_ + 15'000, "a"}}));
  edit("a", now_ + 70'000);
  EXPECT_THAT(see(hook), IsEmpty());
  EXPECT_THAT(scan(hook, now_ + 60'000), ElementsAre("a", "!short")) << "another expiry, another event";
}

TEST_F(ToldOfExpiry, NotIfItWasImportedAsExpired) {
  auto hook = tracker({expiring, expired});
  create("old", now_ - 100'000);
  EXPECT_THAT(see(hook), IsEmpty());
}

TEST_F(ToldOfExpiry, EvenIfItIsRotatedDuringAScan) {
  auto hook = tracker({expiring});
  create("a", now_ + 12'000);
  create("before", now_ + 12'000);
  ASSERT_TRUE(engine_->rotate("before", digest_of("b"), 0, {}));
  EXPECT_THAT(see(hook), IsEmpty());
  begin_scan(hook, now_ + 5'000);
  ASSERT_TRUE(engine_->rotate("a", digest_of("new"), 0, {}));
  hook.end_scan(engine_->applied());
  ASSERT_TRUE(engine_->rotate("before", digest_of("b2"), 0, {}));
  EXPECT_THAT(see(hook), ElementsAre(ExpiryTracker::Due{expiring, {0, "a"}}));
  EXPECT_TRUE(hook.look_up({expiring, {0, "a"}}, now_ + 5'000)->has_value());
  EXPECT_FALSE(hook.look_up({expiring, {0, "a"}}, now_)->has_value());
}

TEST_F(ToldOfExpiry, EvenIfItLeavesTheTablesFirst) {
  auto hook = tracker({expired});
  scan(hook, now_ + 10'000);
  const auto forgotten = [&](Sequence sequence, UnixMs expires_at) {
    std::string remains;
    engine::ForgottenKey key;
    key.key_id = "a";
    key.expires_at = expires_at;
    engine::append_forgotten(remains, key);
    engine::EventView event;
    event.type = engine::EventType::keys_forgotten;
    event[engine::Field::forgotten] = remains;
    std::size_t due = 0;
    hook.see(sequence, event, [&](const auto&) { ++due; });
    return due;
  };
  const auto after = engine_->applied() + 10;
  EXPECT_EQ(forgotten(after, now_ + 5'000), 0u) << "a scan has found it";
  EXPECT_EQ(forgotten(after, now_ + 15'000), 1u);
  EXPECT_EQ(forgotten(after, 0), 0u) << "it was revoked";
  begin_scan(hook, now_ + 20'000);
  hook.end_scan(after);
  EXPECT_EQ(forgotten(after, now_ + 5'000), 0u);
  EXPECT_EQ(forgotten(after, now_ + 15'000), 1u) << "the scan may have missed it";
  EXPECT_EQ(forgotten(after + 1, now_ + 15'000), 0u);
}

TEST_F(ToldOfExpiry, UnlessThatIsNoLongerSo) {
  auto hook = tracker({expired});
  for (const auto* const id : {"lives", "revoked", "edited"}) create(id, now_ + 20'000);
  ASSERT_TRUE(engine_->revoke("revoked", "", {}));
  edit("edited", now_ + 30'000);
  engine_.sync();
  const auto is_told = [&](std::string_view id) {
    return hook.look_up({expired, {now_ + 20'000, std::string(id)}}, now_ + 20'000)->has_value();
  };
  EXPECT_TRUE(is_told("lives"));
  EXPECT_FALSE(is_told("revoked"));
  EXPECT_FALSE(is_told("edited"));
  EXPECT_FALSE(is_told("unknown"));
}

}  // namespace revoked::cache::expiry_tracker_test
