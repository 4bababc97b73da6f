// The gateway as a library: every way in which its five functions end, and that it does its host no harm.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <latch>
#include <thread>

#include "cache/library/revoked_gateway.h"
#include "tests/cache/edge/scripted_engine.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::library_test {

using testing::HasSubstr;
using namespace std::chrono_literals;
using test::eventually;
using test::ScriptedEngine;

using Clock = std::chrono::steady_clock;
constexpr auto short_lease = "600ms";

// Until the test closes it.
class Opened {
 public:
  Opened(const ScriptedEngine& engine, std::vector<std::string> options, revoked_log log = nullptr,
         void* context = nullptr) {
    const auto url = "http://127.0.0.1:" + std::to_string(engine.port());
    std::vector<const char*> all{"--engine", url.c_str(), "--engine-credential", "key"};
    for (const auto& option : options) all.push_back(option.c_str());
    all.push_back(nullptr);
    char error[256] = "";
    gateway_ = revoked_open(all.data(), log, context, error, sizeof error);
    EXPECT_NE(gateway_, nullptr) << error;
  }
  ~Opened() { close(); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  void close() { revoked_close(gateway_); }
  revoked_gateway* get() const { return gateway_; }

  bool allows(const std::string& secret, int timeout = -1) const {
    return revoked_check(gateway_, secret.data(), secret.size(), "192.0.2.7", timeout, nullptr) == 1;
  }
  // The reason. `decision` is filled.
  std::string check(const std::string& secret, int timeout = -1) {
    decision.size = sizeof decision;
    const int allowed = revoked_check(gateway_, secret.data(), secret.size(), nullptr, timeout, &decision);
    EXPECT_EQ(allowed == 1, decision.result == REVOKED_ALLOW);
    return decision.reason;
  }
  int watch(const std::string& secret) {
    decision.size = sizeof decision;
    return revoked_watch(gateway_, secret.data(), secret.size(), nullptr, -1, &decision);
  }
  revoked_gateway_status status() const {
    revoked_gateway_status status{};
    status.size = sizeof status;
    revoked_status(gateway_, &status);
    return status;
  }
  bool becomes(revoked_coverage coverage) const {
    return eventually([&] { return status().coverage == coverage; });
  }

  revoked_decision decision{};

 private:
  revoked_gateway* gateway_ = nullptr;
};

// What a watch says before its end.
std::string read_all(int descriptor) {
  std::string text;
  char bytes[64];
  for (ssize_t count = 0; (count = ::read(descriptor, bytes, sizeof bytes)) > 0;)
    text.append(bytes, static_cast<std::size_t>(count));
  ::close(descriptor);
  return text;
}

std::string failure_of(std::vector<const char*> options) {
  options.push_back(nullptr);
  char error[256] = "";
  auto* const gateway = revoked_open(options.data(), nullptr, nullptr, error, sizeof error);
  EXPECT_EQ(gateway, nullptr);
  revoked_close(gateway);
  return error;
}

TEST(Library, AllowsAndDeniesAsAGatewayDoes) {
  ScriptedEngine engine;
  engine.set_owners(R"(,"user":"Zoë","workspace":"w1","permissions":["a:read","b:write"])");
  Opened gateway(engine, {});
  EXPECT_EQ(gateway.status().coverage, REVOKED_COVERAGE_CURRENT);
  EXPECT_EQ(gateway.check("key-0001"), "allowed");
  EXPECT_STREQ(gateway.decision.key_id, "key-0001");
  EXPECT_STREQ(gateway.decision.user, "Zoë");
  EXPECT_STREQ(gateway.decision.application, "");
  EXPECT_STREQ(gateway.decision.workspace, "w1");
  EXPECT_STREQ(gateway.decision.permissions, "a:read b:write");
  EXPECT_EQ(gateway.decision.expires_at, 0);
  EXPECT_EQ(gateway.decision.is_stale, 0);
  EXPECT_EQ(gateway.decision.permissions_are_cut, 0);
  const int questions = engine.questions;
  EXPECT_TRUE(gateway.allows("key-0001", 0)) << "from memory";
  EXPECT_EQ(engine.questions, questions);

  engine.revoke("key-0001");
  EXPECT_TRUE(eventually([&] { return !gateway.allows("key-0001", 0); }));
  EXPECT_EQ(gateway.check("key-0001", 0), "revoked");
  EXPECT_STREQ(gateway.decision.key_id, "key-0001");
  EXPECT_STREQ(gateway.decision.permissions, "");
  EXPECT_EQ(gateway.decision.epoch, 1u);
  EXPECT_EQ(gateway.decision.sequence, 1u);
  for (const std::string state : {"suspended", "locked", "expired"}) {
    engine.set_state("key-" + state, state);
    EXPECT_EQ(gateway.check("key-" + state), state);
  }
  engine.knows_no_keys = true;
  EXPECT_EQ(gateway.check("key-0002"), "unknown");
  EXPECT_EQ(gateway.check(""), "missing");
  EXPECT_EQ(gateway.check("short"), "unknown");
  EXPECT_EQ(gateway.check(std::string(5000, 'x')), "unknown");
  EXPECT_EQ(gateway.check("key\n0001"), "unknown");
  EXPECT_EQ(revoked_check(gateway.get(), nullptr, 12, nullptr, -1, nullptr), 0);
  const auto status = gateway.status();
  EXPECT_GE(status.hits, 2u);
  EXPECT_GE(status.invalidations, 1u);
  EXPECT_STREQ(status.last_error, "");
  EXPECT_EQ(status.sequence, 1u);
}

TEST(Library, GivesOnlyWholePermissionsIfThereAreTooMany) {
  ScriptedEngine engine;
  std::string permissions;
  for (int i = 0; i < 500; ++i)
    permissions += (i == 0 ? "\"" : ",\"") + std::string("documents:") + std::to_string(10'000 + i) + "\"";
  engine.set_owners(",\"permissions\":[" + permissions + "]");
  Opened gateway(engine, {});
  EXPECT_EQ(gateway.check("key-0001"), "allowed");
  EXPECT_EQ(gateway.decision.permissions_are_cut, 1);
  const std::string given(gateway.decision.permissions);
  EXPECT_GT(given.size(), 3000u);
  EXPECT_EQ(given.size() % 16, 15u) << "each has 15 characters";
}

TEST(Library, DoesNotWaitIfItMustNotAndNoLongerThanItMay) {
  ScriptedEngine engine;
  Opened gateway(engine, {"--question-timeout", "50ms"});
  EXPECT_EQ(gateway.check("key-0001", 0), "undecided");
  EXPECT_EQ(engine.questions, 0);
  engine.hold_answers(true);
  EXPECT_EQ(gateway.check("key-0001"), "unavailable");
  EXPECT_EQ(gateway.check("key-0001", 20), "unavailable");
  EXPECT_EQ(gateway.watch("key-0001"), -1);
  engine.hold_answers(false);
  EXPECT_TRUE(eventually([&] { return gateway.check("key-0001", 1000) == "allowed"; }));
}

TEST(Library, DeniesWhenItIsStale) {
  ScriptedEngine engine;
  Opened gateway(engine, {"--stale-after", short_lease});
  EXPECT_TRUE(eventually([&] { return gateway.allows("key-0001"); }));
  const int watched = gateway.watch("key-0001");
  ASSERT_GE(watched, 0);
  engine.fall_silent();
  EXPECT_EQ(read_all(watched), "stale");
  EXPECT_EQ(gateway.check("key-0001"), "stale");
  EXPECT_EQ(gateway.status().coverage, REVOKED_COVERAGE_STALE);
  EXPECT_GE(gateway.status().since_proof, 600);
  engine.refuses_pages = engine.refuses_streams = false;
  EXPECT_TRUE(eventually([&] { return gateway.allows("key-0001"); }));
}

TEST(Library, TellsOnceAWatchedKeyIsDeniedAndNoticesWhenNobodyWatches) {
  ScriptedEngine engine;
  Opened gateway(engine, {});
  const int first = gateway.watch("key-0001");
  const int second = gateway.watch("key-0001");
  const int other = gateway.watch("key-0002");
  ASSERT_GE(std::min({first, second, other}), 0);
  EXPECT_STREQ(gateway.decision.key_id, "key-0002");
  EXPECT_EQ(gateway.status().watches, 3u);
  pollfd polled{first, POLLIN, 0};
  EXPECT_EQ(::poll(&polled, 1, 0), 0);
  engine.revoke("key-0001");
  EXPECT_EQ(read_all(first), "revoked");
  EXPECT_EQ(read_all(second), "revoked");
  EXPECT_EQ(gateway.status().watches, 1u);
  EXPECT_EQ(gateway.watch("key-0001"), -1);
  EXPECT_STREQ(gateway.decision.reason, "revoked");
  ::close(other);
  EXPECT_TRUE(eventually([&] { return gateway.status().watches == 0; }));

  const int open = gateway.watch("key-0002");
  ASSERT_GE(open, 0);
  gateway.close();
  EXPECT_EQ(read_all(open), "") << "closed";
}

TEST(Library, RefusesAWatchForWantOfRoom) {
  ScriptedEngine engine;
  Opened gateway(engine, {"--watches", "1"});
  const int watched = gateway.watch("key-0001");
  ASSERT_GE(watched, 0);
  EXPECT_EQ(gateway.watch("key-0002"), -1);
  EXPECT_STREQ(gateway.decision.reason, "unavailable");
  ::close(watched);
}

TEST(Library, NamesTheOptionThatIsWrong) {
  EXPECT_THAT(failure_of({}), HasSubstr("--engine-key-file is required"));
  EXPECT_THAT(failure_of({"--engine", "ftp://x"}), HasSubstr("--engine: 'ftp://x' is neither"));
  EXPECT_EQ(failure_of({"--engine"}), "--engine: has no value");
  EXPECT_THAT(failure_of({"--listen", "127.0.0.1:1"}), HasSubstr("--listen: there is no such option"));
  EXPECT_EQ(failure_of({"--name", "a", "--name", "b"}), "--name: is given twice");
  EXPECT_EQ(failure_of({"--when-stale", "maybe"}), "--when-stale: must be one of deny, ask, serve");
  EXPECT_EQ(failure_of({"--cache-entries", "many"}),
            "--cache-entries: must be a number from 1 to 1000000000");
  EXPECT_THAT(failure_of({"--engine-key-file", "/no/such"}), HasSubstr("/no/such"));
  EXPECT_THAT(failure_of({"--engine-credential", "key", "--stale-after", "soon"}),
              HasSubstr("--stale-after: 'soon'"));
  EXPECT_THAT(failure_of({"--engine-credential", "key", "--redis", "redis://:password@"}),
              Not(HasSubstr("password")));
  EXPECT_THAT(failure_of({"--engine-credential", "with\ncontrol"}), Not(HasSubstr("with")));
  char error[8] = "";
  EXPECT_EQ(revoked_open(nullptr, nullptr, nullptr, error, sizeof error), nullptr);
  EXPECT_STREQ(error, "--engin");
  EXPECT_EQ(revoked_open(nullptr, nullptr, nullptr, nullptr, 0), nullptr);
}

TEST(Library, IsOpenWithoutAnEngineAndDeniesUntilThereIsOne) {
  ScriptedEngine engine;
  engine.refuses_pages = engine.refuses_streams = true;
  Opened gateway(engine, {"--ready-within", "0"});
  EXPECT_EQ(gateway.check("key-0001"), "stale");
  EXPECT_TRUE(eventually([&] { return gateway.status().last_error[0] != '\0'; }));
  EXPECT_EQ(gateway.status().since_proof, -1);
  engine.refuses_pages = engine.refuses_streams = false;
  EXPECT_TRUE(gateway.becomes(REVOKED_COVERAGE_CURRENT));
  EXPECT_TRUE(eventually([&] { return gateway.allows("key-0001"); }));
}

TEST(Library, GoesOnWithAnotherEngine) {
  ScriptedEngine first, second;
  const auto urls = "http://127.0.0.1:" + std::to_string(first.port()) +
                    ",http://127.0.0.1:" + std::to_string(second.port());
  const std::vector<const char*> options{"--engine", urls.c_str(), "--engine-credential", "key", nullptr};
  auto* const gateway = revoked_open(options.data(), nullptr, nullptr, nullptr, 0);
  ASSERT_NE(gateway, nullptr);
  EXPECT_EQ(revoked_check(gateway, "secret-1", 8, nullptr, -1, nullptr), 1);
  first.serve_nothing(true);
  EXPECT_EQ(revoked_check(gateway, "secret-2", 8, nullptr, -1, nullptr), 1);
  EXPECT_EQ(second.questions, 1);
  revoked_close(gateway);
}

TEST(Library, DeniesAfterItWasClosed) {
  ScriptedEngine engine;
  Opened gateway(engine, {});
  EXPECT_TRUE(gateway.allows("key-0001"));
  gateway.close();
  gateway.close();
  EXPECT_EQ(gateway.check("key-0001"), "unavailable");
  EXPECT_EQ(gateway.watch("key-0001"), -1);
  EXPECT_EQ(gateway.status().has_failed, 1);
  EXPECT_EQ(revoked_check(nullptr, "key-0001", 8, nullptr, -1, nullptr), 0);
  revoked_close(nullptr);
}

TEST(Library, DeniesToAStructureThatItDoesNotKnow) {
  ScriptedEngine engine;
  Opened gateway(engine, {});
  revoked_gateway_status status{};
  EXPECT_EQ(revoked_status(gateway.get(), &status), 0) << "without its size";
  EXPECT_EQ(revoked_status(gateway.get(), nullptr), 0);
  revoked_decision decision{};
  EXPECT_EQ(revoked_check(gateway.get(), "key-0001", 8, nullptr, -1, &decision), 0);
  EXPECT_EQ(decision.reason, nullptr) << "untouched";
}

TEST(Library, ClosesWhileManyThreadsCheckAndKeysAreRevoked) {
  constexpr int threads = 8;
  ScriptedEngine engine;
  Opened gateway(engine, {"--question-timeout", "20s"});
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::atomic<std::uint64_t> checks{0};
  std::latch began(threads);
  std::vector<std::thread> checking;
  for (int t = 0; t < threads; ++t) {
    checking.emplace_back([&, t] {
      revoked_decision decision{};
      decision.size = sizeof decision;
      std::vector<bool> ended(16);
      for (int i = t; !stop; ++i) {
        const auto key = "key-00" + std::to_string(10 + i % 16);
        const bool allowed =
            revoked_check(gateway.get(), key.data(), key.size(), nullptr, -1, &decision) == 1;
        if (decision.result == REVOKED_REVOKED) ended[static_cast<std::size_t>(i % 16)] = true;
        if (allowed && ended[static_cast<std::size_t>(i % 16)]) ++wrong;
        if (allowed && decision.key_id != key) ++wrong;
        if (i % 64 == t) ::close(revoked_watch(gateway.get(), key.data(), key.size(), nullptr, -1, nullptr));
        if (i == t) began.count_down();
        ++checks;
      }
    });
  }
  began.wait();
  for (int i = 0; i < 8; ++i) engine.revoke("key-00" + std::to_string(10 + i));
  EXPECT_TRUE(eventually([&] { return !gateway.allows("key-0017"); }));
  engine.hold_answers(true);
  std::thread waiting([&] { EXPECT_FALSE(gateway.allows("key-held")); });
  EXPECT_TRUE(eventually([&] { return engine.held > 0; }));
  const auto begun = Clock::now();
  gateway.close();
  EXPECT_LT(Clock::now() - begun, 10s) << "no call waits for its answer";
  waiting.join();
  const auto before = checks.load();
  EXPECT_TRUE(eventually([&] { return checks > before + threads; })) << "calls go on, and are denied";
  EXPECT_FALSE(gateway.allows("key-0020"));
  stop = true;
  for (auto& thread : checking) thread.join();
  EXPECT_EQ(wrong, 0);
  engine.hold_answers(false);
}

TEST(Library, HasSeveralGatewaysInAProcess) {
  ScriptedEngine first;
  ScriptedEngine second;
  second.knows_no_keys = true;
  Opened one(first, {"--name", "one"});
  Opened two(second, {"--name", "two"});
  EXPECT_EQ(one.check("key-0001"), "allowed");
  EXPECT_EQ(two.check("key-0001"), "unknown");
  one.close();
  second.knows_no_keys = false;
  EXPECT_EQ(two.check("key-0002"), "allowed");
  EXPECT_EQ(one.check("key-0001"), "unavailable");
}

TEST(Library, TellsItsLogWhatTheGatewayHasToSay) {
  ScriptedEngine engine;
  struct Lines {
    std::mutex mutex;
    std::vector<std::string> all;
  } lines;
  Opened gateway(
      engine, {},
      [](void* context, const char* source, const char* line) {
        auto& to = *static_cast<Lines*>(context);
        const std::lock_guard lock(to.mutex);
        to.all.push_back(std::string(source) + ": " + line);
      },
      &lines);
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(lines.mutex);
    return std::ranges::count(lines.all, "feed: connected") == 1;
  }));
}

// Signals go to the threads of the host.
TEST(Library, HasAllSignalsBlockedInItsThreads) {
  ScriptedEngine engine;
  struct Seen {
    std::atomic<int> blocked{-1};
  } seen;
  Opened gateway(
      engine, {},
      [](void* context, const char*, const char*) {
        sigset_t mask;
        ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        static_cast<Seen*>(context)->blocked = ::sigismember(&mask, SIGTERM) + ::sigismember(&mask, SIGPIPE);
      },
      &seen);
  EXPECT_TRUE(eventually([&] { return seen.blocked == 2; })) << seen.blocked;
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(::sigismember(&mask, SIGTERM), 0) << "but not in the caller's";
}

#ifndef __SANITIZE_THREAD__  // which does not support threads in a child of fork()
TEST(Library, DeniesInAChildOfTheProcessWhichMayOpenItsOwn) {
  ScriptedEngine engine;
  Opened gateway(engine, {});
  ASSERT_TRUE(gateway.allows("key-0001"));
  const auto child = ::fork();
  if (child == 0) {
    const bool is_denied = !gateway.allows("key-0001") && gateway.watch("key-0001") == -1;
    gateway.close();
    bool allows_itself = false;
    {
      Opened own(engine, {"--name", "child"});
      allows_itself = own.allows("key-0001") && !gateway.allows("key-0001");
    }
    ::_exit(is_denied && allows_itself ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(gateway.allows("key-0001"));
}
#endif

}  // namespace revoked::library_test
