#include "cache/edge/usage_reports.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "cache/bus/usage.hpp"
#include "tests/cache/edge/near_cache_samples.hpp"

namespace revoked::cache::usage_reports_test {

using namespace std::chrono_literals;
using test::decision_of;
using test::digest_of;
using test::key_revoked;
using test::uuid_of;

constexpr engine::UnixMs start = 1'767'322'441'000;  // the first second of a minute

class UsageReportsTest : public testing::Test {
 protected:
  UsageReportsTest() {
    cache_.flush({1, 0});
    tick(0s);
  }
  void fill(std::uint64_t i, engine::UnixMs expires_at = 0) {
    auto decision = decision_of(uuid_of(i), {1, 1});
    if (expires_at != 0) decision.expires_at = expires_at;
    ASSERT_TRUE(cache_.fill(digest_of(i), decision));
  }
  bool use(std::uint64_t i) { return cache_.find(digest_of(i), at_).has_value(); }
  // What is sent, if anything.
  std::optional<engine::Usage> tick(std::chrono::milliseconds later) {
    sent_.reset();
    now_ += later;
    at_ += later.count();
    reports_.tick(now_, at_);
    return sent_;
  }
  std::optional<engine::Usage> tick_and_accept(std::chrono::milliseconds later) {
    auto usage = tick(later);
    if (usage) reports_.on_result({});
    return usage;
  }

  NearCache cache_{{.max_entries = 100, .max_marks = 100}};
  DeniedAttempts attempts_;
  std::vector<std::string> lines_;
  LogThrottle log_{[this](std::string_view, std::string_view what) { lines_.emplace_back(what); }};
  std::optional<engine::Usage> sent_;
  std::string text_;
  UsageReports reports_{"edge-1", cache_, attempts_,
                        [this](std::string report) {
                          text_ = report;
                          sent_ = decode_usage(report).value();
                        },
                        log_};
  UsageReports::Time now_{1h};
  engine::UnixMs at_ = start;
};

TEST_F(UsageReportsTest, ReportTheMinuteOfAUseOnce) {
  fill(1);
  fill(2);
  EXPECT_FALSE(tick(5s)) << "the engine knows when it was asked";
  at_ += engine::minute_ms;
  EXPECT_FALSE(tick(5s));
  use(1);
  use(1);
  const auto usage = tick_and_accept(5s);
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->gateway, "edge-1");
  ASSERT_EQ(usage->uses.size(), 1u);
  EXPECT_EQ(usage->uses[0].key_id, uuid_of(1));
  EXPECT_EQ(usage->uses[0].minute, engine::minute_of(at_ - 5000));
  use(1);
  EXPECT_FALSE(tick(1s)) << "the same minute";
  at_ += engine::minute_ms;
  tick(0s);
  use(1);
  ASSERT_TRUE(tick_and_accept(5s));
}

TEST_F(UsageReportsTest, UsesOfRevokedAndExpiredKeysAreNone) {
  fill(1);
  fill(2, start + 100'000);
  fill(3);
  at_ += 2 * engine::minute_ms;
  tick(0s);
  cache_.apply(key_revoked(uuid_of(1), {1, 2}));
  for (const std::uint64_t i : {1, 2, 3}) EXPECT_TRUE(use(i));
  const auto usage = tick(5s);
  ASSERT_TRUE(usage);
  ASSERT_EQ(usage->uses.size(), 1u);
  EXPECT_EQ(usage->uses[0].key_id, uuid_of(3));
}

TEST_F(UsageReportsTest, ComeAtMostEveryPeriodAndOneAtATime) {
  attempts_.add("k1", engine::KeyState::revoked, at_, {});
  ASSERT_TRUE(tick(10s));
  attempts_.add("k1", engine::KeyState::revoked, at_, {});
  EXPECT_FALSE(tick(10s)) << "one is under way";
  reports_.on_result({});
  ASSERT_TRUE(tick(0s));
  reports_.on_result({});
  attempts_.add("k1", engine::KeyState::revoked, at_, {});
  EXPECT_FALSE(tick(UsageReports::min_period - 1ms));
  EXPECT_TRUE(tick(1ms));
}

TEST_F(UsageReportsTest, ABatchThatWasNotAnsweredIsSentAgainAndTheNextHasTheRest) {
  attempts_.add("k1", engine::KeyState::revoked, at_, {});
  ASSERT_TRUE(tick(5s));
  const auto first = text_;
  attempts_.add("k1", engine::KeyState::revoked, at_, {});
  attempts_.add("k2", engine::KeyState::revoked, at_, {});
  reports_.on_result(engine::errc::unavailable);
  ASSERT_TRUE(tick(UsageReports::max_period));
  EXPECT_EQ(text_, first);
  reports_.on_result(engine::errc::unavailable);
  EXPECT_FALSE(tick(UsageReports::min_period)) << "less often";
  ASSERT_TRUE(tick_and_accept(UsageReports::max_period));
  EXPECT_EQ(text_, first);
  const auto next = tick_and_accept(UsageReports::max_period);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->denied.size(), 2u);
  EXPECT_NE(next->batch, decode_usage(first)->batch);
}

TEST_F(UsageReportsTest, ABatchThatTheEngineCannotReadIsNotSentAgain) {
  attempts_.add("k1", engine::KeyState::revoked, at_, {});
  ASSERT_TRUE(tick(5s));
  reports_.on_result(engine::errc::malformed);
  EXPECT_FALSE(tick(1min));
  EXPECT_FALSE(lines_.empty());
}

TEST_F(UsageReportsTest, WhatWasDroppedIsSaid) {
  for (std::size_t i = 0; i <= DeniedAttempts::max_keys; ++i)
    attempts_.add("k" + std::to_string(i), engine::KeyState::revoked, at_, {});
  const auto usage = tick_and_accept(5s);
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->dropped, 1u);
  EXPECT_LE(text_.size(), 2 * usual_usage_bytes);
  ASSERT_FALSE(lines_.empty());
  EXPECT_EQ(lines_.front(), "1 denied attempts were dropped: too many keys");
  EXPECT_EQ(tick_and_accept(5s)->dropped, 0u) << "the rest of the keys";
}

TEST_F(UsageReportsTest, AStoppingGatewaySendsWhatThereIs) {
  attempts_.add("k1", engine::KeyState::revoked, at_, {});
  sent_.reset();
  reports_.leave(at_);
  ASSERT_TRUE(sent_);
  EXPECT_EQ(sent_->denied.size(), 1u);
}

TEST_F(UsageReportsTest, MoreUsesThanABatchHoldsStayInTheCache) {
  NearCache cache({.max_entries = 10'000, .max_marks = 100});
  cache.flush({1, 0});
  std::vector<engine::Usage> sent;
  UsageReports reports(
      "edge-1", cache, attempts_, [&](std::string report) { sent.push_back(decode_usage(report).value()); },
      log_);
  reports.tick(now_, at_);
  for (std::uint64_t i = 0; i < 10'000; ++i) cache.fill(digest_of(i), decision_of(uuid_of(i), {1, 1}));
  at_ += 2 * engine::minute_ms;
  reports.tick(now_ += 5s, at_);
  for (std::uint64_t i = 0; i < 10'000; ++i) cache.find(digest_of(i), at_);
  std::set<std::string> reported;
  for (int i = 0; i < 20; ++i) {
    reports.tick(now_ += 5s, at_);
    reports.on_result({});
  }
  for (const auto& usage : sent) {
    EXPECT_LE(usage.uses.size(), max_reported_keys);
    for (const auto& use : usage.uses) EXPECT_TRUE(reported.insert(use.key_id).second) << "once";
  }
  EXPECT_EQ(reported.size(), 10'000u);
}

}  // namespace revoked::cache::usage_reports_test
