// A start with a million keys: correct, within seconds, and with progress reports.

#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iostream>

#include "tests/engine/engine_harness.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::recovery_test {

using revoked::test::sanitized;
using test::RecordingListener;

constexpr int key_count = sanitized ? 50'000 : 1'000'000;
constexpr int users = key_count / 10;
constexpr int applications = key_count / 1000;

std::string key_id(int i) {
  std::string uuid = "019b7ca9-8f2e-7000-8000-000000000000";
  for (std::size_t at = uuid.size(); i > 0; i /= 10) uuid[--at] = static_cast<char>('0' + i % 10);
  return uuid;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::size_t resident_bytes() {
  malloc_trim(0);
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::unique_ptr<Store> open(const std::string& directory) {
  std::string detail;
  auto store = open_store(directory, {}, detail);
  EXPECT_TRUE(store) << detail;
  return std::move(*store);
}

// Repeats a call that was refused because too much is waiting for the disk: `call` returns a result.
template <class Call>
auto pressed(RecordingListener& listener, Engine& engine, Call call) {
  for (;;) {
    auto answer = call();
    if (answer || answer.error() != errc::overloaded) return answer.value();
    listener.wait_until_durable(engine.durable() + 1);
  }
}

void build(const std::string& directory) {
  RecordingListener listener;
  Engine engine({}, [] { FAIL() << "the storage failed"; });
  ASSERT_TRUE(engine.start(open(directory), listener, [](const LoadProgress&) {}));
  engine.add(static_cast<CommitListener&>(listener));
  auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < key_count; ++i) {
    const auto id = key_id(i);
    const auto user = "user-" + std::to_string(i % users);
    const auto application = "application-" + std::to_string(i % applications);
    NewKey key;
    key.key_id = id;
    key.digest = sha256(id);
    key.owners = {user, application, "workspace"};
    key.permissions = "keys:verify";
    pressed(listener, engine, [&] { return engine.create(key, {}); });
  }
  ASSERT_TRUE(listener.wait_until_durable(engine.applied()));
  const auto creating = seconds_since(start);
  start = std::chrono::steady_clock::now();
  for (int i = 0; i < key_count; i += 10) {
    pressed(listener, engine, [&] { return engine.revoke(key_id(i), "bulk", {}); });
  }
  ASSERT_TRUE(listener.wait_until_durable(engine.applied()));
  std::cout << "created at " << key_count / creating << " keys/s, revoked at "
            << key_count / 10 / seconds_since(start) << " keys/s\n";
}

TEST(Recovery, RecoveryOfAMillionKeys) {
  const revoked::test::TemporaryDirectory directory;
  build(directory / "data");

  const auto before = resident_bytes();
  RecordingListener listener;
  Engine engine({}, [] {});
  std::vector<LoadProgress> progress;
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(engine.start(open(directory / "data"), listener,
                           [&](const LoadProgress& step) { progress.push_back(step); }));
  const auto seconds = seconds_since(start);
  const auto bytes = static_cast<double>(resident_bytes() - before) / key_count;
  std::cout << "started with " << key_count << " keys in " << seconds << " s, " << bytes
            << " resident bytes a key\n";
  RecordProperty("seconds", std::to_string(seconds));
  RecordProperty("bytes_a_key", std::to_string(bytes));
  EXPECT_LT(seconds, 60);  // ten times the usual
  EXPECT_LT(bytes, sanitized ? 10'000 : 200);

  ASSERT_FALSE(progress.empty());
  EXPECT_TRUE(progress.back().finished);
  EXPECT_EQ(progress.back().keys, static_cast<std::uint64_t>(key_count));
  EXPECT_EQ(progress.back().replayed_events, progress.back().events);
  for (std::size_t i = 0; i + 1 < progress.size(); ++i) {
    EXPECT_FALSE(progress[i].finished);
    EXPECT_LE(progress[i].keys, progress[i + 1].keys);
  }

  EXPECT_EQ(engine.size().keys, static_cast<std::size_t>(key_count));
  EXPECT_EQ(engine.size().owners[0], static_cast<std::size_t>(users));
  EXPECT_EQ(engine.size().owners[1], static_cast<std::size_t>(applications));
  EXPECT_EQ(engine.size().owners[2], 1u);
  Decision decision;
  for (int i = 0; i < key_count; ++i) {
    ASSERT_TRUE(engine.verify(sha256(key_id(i)), 1, decision));
    ASSERT_EQ(decision.state, i % 10 == 0 ? KeyState::revoked : KeyState::active);
  }
  EXPECT_EQ(decision.key_id, key_id(key_count - 1));
  EXPECT_EQ(decision.owner(Scope::workspace), "workspace");
  EXPECT_EQ(engine.revoke_owner(Scope::user, "user-1", "", {})->keys, 10u);
  EXPECT_EQ(engine.revoke_owner(Scope::workspace, "workspace", "", {})->keys, key_count / 10 * 9u);
}

}  // namespace revoked::engine::recovery_test
