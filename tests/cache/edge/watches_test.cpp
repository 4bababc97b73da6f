// Who watches a key is told once it is denied, whatever denies it, and never falsely.

#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <list>

#include "cache/edge/gateway.hpp"
#include "engine/base/time.hpp"
#include "tests/cache/edge/gateway_harness.hpp"
#include "tests/cache/edge/scripted_engine.hpp"

namespace revoked::cache::watches_test {

using test::eventually;
using test::ScriptedEngine;
using test::TestGateway;
using Coverage = Gateway::Coverage;
using State = Decision::State;
using Start = Gateway::WatchStart;
using namespace std::chrono_literals;

// Where watchers are told.
class TellingThread {
 public:
  ~TellingThread() {
    work_.reset();
    thread_.join();
  }
  Executor executor() { return io_.get_executor(); }
  // Until all that it was given has run.
  void wait() {
    std::promise<void> promise;
    asio::post(io_, [&] { promise.set_value(); });
    promise.get_future().wait();
  }

 private:
  asio::io_context io_{1};
  asio::executor_work_guard<Executor> work_{io_.get_executor()};
  std::thread thread_{[this] { io_.run(); }};
};

// On one key, from its construction to its end.
class TestWatcher final : public Watcher {
 public:
  TestWatcher(TestGateway& gateway, TellingThread& thread, const std::string& secret)
      : Watcher(thread.executor()), gateway_(gateway), thread_(thread) {
    std::promise<Start> promise;
    auto future = promise.get_future();
    gateway_->watch(*this, TestGateway::digest(secret), secret,
                    [&](Start started) { promise.set_value(std::move(started)); });
    start_ = future.get();
  }
  ~TestWatcher() {
    std::promise<void> promise;
    gateway_->unwatch(*this, [&] { promise.set_value(); });
    promise.get_future().wait();
    thread_.wait();
  }

  const Start& start() const { return start_; }
  // Empty: not told.
  std::string told() const {
    const std::lock_guard lock(mutex_);
    EXPECT_LE(times_, 1);
    return reason_;
  }
  bool is_told(const std::string& reason) const {
    return eventually([&] { return !told().empty(); }) && told() == reason;
  }

 private:
  void on_denied(std::string_view reason) noexcept override {
    const std::lock_guard lock(mutex_);
    reason_ = reason;
    ++times_;
  }

  TestGateway& gateway_;
  TellingThread& thread_;
  Start start_;
  mutable std::mutex mutex_;
  std::string reason_;
  int times_ = 0;
};

class Watching : public testing::Test {
 protected:
  TestGateway& begin(Gateway::Options options) {
    gateway_.emplace(std::move(options));
    EXPECT_TRUE(gateway_->becomes(Coverage::fresh));
    return *gateway_;
  }
  TestGateway& begin(std::chrono::milliseconds lease = 1min, WhenStale when_stale = WhenStale::deny) {
    auto options = TestGateway::options(engine_.port(), lease);
    options.when_stale = when_stale;
    return begin(std::move(options));
  }
  TestWatcher& watch(const std::string& secret) {
    auto& watcher = watchers_.emplace_back(*gateway_, thread_, secret);
    EXPECT_TRUE(watcher.start().is_held) << secret;
    return watcher;
  }
  std::size_t size() { return (*gateway_)->status().watches; }

  ScriptedEngine engine_;
  TellingThread thread_;
  std::optional<TestGateway> gateway_;
  std::list<TestWatcher> watchers_;
};

TEST_F(Watching, EndsWhenTheKeyIsRevoked) {
  auto& gateway = begin();
  auto& first = watch("k1");
  auto& second = watch("k1");
  auto& other = watch("k2");
  EXPECT_EQ(engine_.questions, 2) << "one a key";
  EXPECT_EQ(size(), 3u);
  engine_.revoke("k1");
  EXPECT_TRUE(first.is_told("revoked"));
  EXPECT_TRUE(second.is_told("revoked"));
  EXPECT_FALSE(gateway.allows("k1"));
  EXPECT_EQ(other.told(), "");
  EXPECT_EQ(size(), 1u);

  const TestWatcher late(gateway, thread_, "k1");
  EXPECT_FALSE(late.start().is_held);
  EXPECT_EQ(late.start().verdict.decision->state, State::revoked);
}

TEST_F(Watching, IsNotHeldForAnUnknownKeyOrByAStaleGateway) {
  engine_.knows_no_keys = true;
  auto& gateway = begin(TestGateway::short_lease);
  const TestWatcher unknown(gateway, thread_, "k1");
  EXPECT_FALSE(unknown.start().is_held);
  EXPECT_EQ(unknown.start().verdict.decision->state, State::unknown);
  engine_.fall_silent();
  ASSERT_TRUE(gateway.becomes(Coverage::stale));
  const TestWatcher undecided(gateway, thread_, "k1");
  EXPECT_FALSE(undecided.start().is_held);
  EXPECT_FALSE(undecided.start().verdict.decision);
  EXPECT_TRUE(undecided.start().verdict.stale);
  EXPECT_EQ(size(), 0u);
}

TEST_F(Watching, EndsForAllKeysOfARevokedOrLockedOwner) {
  begin();
  const auto watch_of = [&](const std::string& key, const std::string& owners) -> TestWatcher& {
    engine_.set_owners(owners);
    return watch(key);
  };
  auto& ann = watch_of("k1", R"(,"user":"ann","workspace":"w1")");
  auto& ann_too = watch_of("k2", R"(,"user":"ann","application":"a1","workspace":"w1")");
  auto& ann_elsewhere = watch_of("k3", R"(,"user":"ann","workspace":"w2")");
  auto& bob = watch_of("k4", R"(,"user":"bob","workspace":"w1")");
  auto& none = watch_of("k5", "");
  engine_.publish(
      R"("type":"owner.revoked","scope":"user","id":"ann","within":{"scope":"workspace","id":"w1"})");
  EXPECT_TRUE(ann.is_told("revoked"));
  EXPECT_TRUE(ann_too.is_told("revoked"));
  EXPECT_EQ(ann_elsewhere.told() + bob.told(), "");
  engine_.publish(R"("type":"owner.locked","scope":"workspace","id":"w2")");
  EXPECT_TRUE(ann_elsewhere.is_told("locked"));
  engine_.publish(R"("type":"owner.unlocked","scope":"workspace","id":"w1")");
  engine_.publish(R"("type":"owner.revoked","scope":"user","id":"bob")");
  EXPECT_TRUE(bob.is_told("revoked"));
  EXPECT_EQ(none.told(), "");
  EXPECT_EQ(size(), 1u);
}

TEST_F(Watching, EndsWhenTheKeyIsSuspendedAndAsksWhatAChangeMeans) {
  auto& gateway = begin();
  auto& suspended = watch("k1");
  engine_.publish(R"("type":"key.suspended","key_id":"k1")");
  EXPECT_TRUE(suspended.is_told("suspended"));

  auto& changed = watch("k2");
  const int questions = engine_.questions;
  const auto change = R"("type":"key.changed","key_id":"k2")";
  for (int changes = 1; changes <= 2; ++changes) {  // of its name, say
    engine_.publish(change);
    EXPECT_TRUE(
        eventually([&] { return engine_.questions == questions + changes && gateway.is_cached("k2"); }));
  }
  EXPECT_EQ(changed.told(), "");
  engine_.set_state("k2", "expired");
  engine_.publish(change);
  EXPECT_TRUE(changed.is_told("expired"));
}

TEST_F(Watching, EndsWhenTheKeyExpires) {
  auto& gateway = begin();
  engine_.expires_in_ms = 600'000;
  auto& later = watch("later");
  engine_.expires_in_ms = 2'000;  // a loaded machine must have asked before
  const auto asked = engine::now_unix_ms();
  auto& soon = watch("soon");
  EXPECT_TRUE(soon.is_told("expired"));
  EXPECT_GE(engine::now_unix_ms() - asked, 1'000);  // by the latest that the engine's clock may show
  EXPECT_EQ(gateway.check("soon")->decision->state, State::expired);
  EXPECT_EQ(later.told(), "");
  EXPECT_EQ(engine_.questions, 2);
}

TEST_F(Watching, EndsWhenTheGatewayBecomesStale) {
  auto& gateway = begin(TestGateway::short_lease);
  auto& one = watch("k1");
  auto& two = watch("k2");
  engine_.fall_silent();
  EXPECT_TRUE(one.is_told("stale"));
  EXPECT_TRUE(two.is_told("stale"));
  EXPECT_EQ(gateway->status().coverage, Coverage::stale);
  EXPECT_FALSE(gateway.allows("k1"));
}

TEST_F(Watching, AsksAgainAndAgainWhileStaleWithPolicyAsk) {
  auto& gateway = begin(TestGateway::short_lease, WhenStale::ask);
  auto& revoked = watch("k1");
  auto& live = watch("k2");
  engine_.fall_silent();
  ASSERT_TRUE(gateway.becomes(Coverage::stale));
  engine_.revoke("k1");
  EXPECT_TRUE(revoked.is_told("revoked"));
  EXPECT_EQ(live.told(), "");
  engine_.refuses_questions = true;
  EXPECT_TRUE(live.is_told("stale"));
}

TEST_F(Watching, ServesOnWhileStaleWithPolicyServe) {
  auto& gateway = begin(TestGateway::short_lease, WhenStale::serve);
  auto& watcher = watch("k1");
  engine_.fall_silent();
  ASSERT_TRUE(gateway.becomes(Coverage::stale));
  engine_.revoke("k1");
  EXPECT_TRUE(gateway.allows("k1"));
  EXPECT_EQ(watcher.told(), "");
  engine_.refuses_pages = engine_.refuses_streams = false;
  EXPECT_TRUE(watcher.is_told("revoked"));
}

// The range is gone: nobody knows who was revoked in it.
TEST_F(Watching, AsksAboutEveryKeyWhenTheCacheStartsAfresh) {
  constexpr int count = 200;
  constexpr int at_once = 64;
  auto& gateway = begin();
  for (int i = 0; i < count; ++i) watch("k" + std::to_string(i));
  const int questions = engine_.questions;
  engine_.hold_answers(true);
  engine_.hides_messages = true;
  engine_.forgets_ranges = true;
  engine_.revoke("k7");
  EXPECT_TRUE(gateway.reaches(engine_.position()));
  EXPECT_TRUE(eventually([&] { return engine_.questions > questions; }));
  EXPECT_LE(engine_.questions, questions + at_once);
  engine_.hold_answers(false);
  EXPECT_TRUE(std::next(watchers_.begin(), 7)->is_told("revoked"));
  EXPECT_TRUE(eventually([&] { return engine_.questions >= questions + count; }));
  EXPECT_EQ(size(), count - 1u) << "nobody is denied falsely";
  engine_.hides_messages = false;
  engine_.revoke("k8");
  EXPECT_TRUE(std::next(watchers_.begin(), 8)->is_told("revoked"));
}

TEST_F(Watching, IsToldWhatTheStreamLeftOut) {
  begin();
  auto& watcher = watch("k1");
  engine_.hides_messages = true;
  engine_.revoke("k1");
  EXPECT_TRUE(watcher.is_told("revoked"));
}

TEST_F(Watching, OutlivesARestartOfTheEngine) {
  auto& gateway = begin();
  auto& watcher = watch("k1");
  auto& other = watch("k2");
  engine_.restart();
  EXPECT_TRUE(gateway.reaches(engine_.position()));
  EXPECT_EQ(watcher.told(), "");
  engine_.revoke("k1");
  EXPECT_TRUE(watcher.is_told("revoked"));
  EXPECT_EQ(other.told(), "");
}

TEST_F(Watching, IsNotHeldByAnAnswerThatARevocationOvertook) {
  auto& gateway = begin();
  engine_.hold_answers(true);
  std::optional<TestWatcher> watcher;
  auto asked = std::async(std::launch::async, [&] { watcher.emplace(gateway, thread_, "k1"); });
  EXPECT_TRUE(eventually([&] { return engine_.held == 1; }));
  engine_.revoke("k1");
  EXPECT_TRUE(gateway.reaches(engine_.position()));
  engine_.hold_answers(false);
  asked.get();
  EXPECT_FALSE(watcher->start().is_held);
  EXPECT_EQ(watcher->start().verdict.decision->state, State::revoked);
}

TEST_F(Watching, MissesNoRevocationWhileItBegins) {
  constexpr int rounds = test::sanitized ? 100 : 400;
  auto& gateway = begin();
  int held = 0;
  for (int i = 0; i < rounds; ++i) {
    const auto key = "k" + std::to_string(i);
    const bool is_cached = i % 2 == 0 && gateway.allows(key);
    auto revoking = std::async(std::launch::async, [&, pause = std::chrono::microseconds(i % 20 * 50)] {
      std::this_thread::sleep_for(pause);  // begins at different moments of the watch
      engine_.revoke(key);
    });
    const TestWatcher watcher(gateway, thread_, key);
    if (watcher.start().is_held) {
      ++held;
      EXPECT_TRUE(watcher.is_told("revoked")) << key << is_cached;
    } else {
      ASSERT_TRUE(watcher.start().verdict.decision);
      EXPECT_EQ(watcher.start().verdict.decision->state, State::revoked);
    }
    revoking.get();
  }
  RecordProperty("held", held);
  EXPECT_EQ(size(), 0u);
}

TEST_F(Watching, IsBounded) {
  auto options = TestGateway::options(engine_.port());
  options.watches = {.watchers = 3, .watchers_of_key = 2};
  auto& gateway = begin(std::move(options));
  watch("k1");
  watch("k1");
  EXPECT_TRUE(TestWatcher(gateway, thread_, "k1").start().key_is_full);
  watch("k2");
  EXPECT_TRUE(TestWatcher(gateway, thread_, "k3").start().gateway_is_full);
  watchers_.pop_back();
  EXPECT_TRUE(TestWatcher(gateway, thread_, "k3").start().is_held) << "one has left";
  EXPECT_EQ(size(), 2u);
  engine_.revoke("k1");
  EXPECT_TRUE(eventually([&] { return size() == 0; }));
  EXPECT_TRUE(TestWatcher(gateway, thread_, "k2").start().is_held);
}

}  // namespace revoked::cache::watches_test
