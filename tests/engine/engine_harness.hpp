#pragma once
// An engine for tests: over a fake disk or over files in a directory; can be restarted, and can wait for
// durability.

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "tests/engine/fake_store.hpp"

namespace revoked::engine {

inline void PrintTo(KeyState state, std::ostream* out) { *out << to_string(state); }

namespace test {

// Records what the listeners were called with. Waits end when the storage has failed, or after a timeout.
class RecordingListener final : public JournalListener, public CommitListener {
 public:
  void on_batch(const BatchView& batch) override;
  void on_durable(Sequence durable) override;
  void on_failure();

  bool wait_until_durable(Sequence sequence);
  void wait_until_published(Sequence sequence);
  void wait_until_failed();
  int failures() const;
  Sequence durable() const;

 private:
  static constexpr std::chrono::seconds patience{20};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Sequence published_ = 0;
  Sequence durable_ = 0;
  int failures_ = 0;
};

inline Digest digest_of(std::string_view secret) { return sha256(secret); }

class Harness {
 public:
  using Opener = std::function<std::unique_ptr<Store>()>;

  explicit Harness(Opener open, Engine::Options options = {});
  explicit Harness(std::shared_ptr<FakeDisk> disk);
  // Over files in `directory`.
  explicit Harness(const std::string& directory, Engine::Options options = {});
  Harness(Harness&&) noexcept;
  ~Harness();

  void stop();
  void start();
  void restart() {
    stop();
    start();
  }

  Engine* operator->() { return engine_.get(); }
  Engine& engine() { return *engine_; }
  Store& store() { return *store_; }
  RecordingListener& listener() { return *listener_; }
  const result<void>& started() const { return started_; }
  bool wait_until_durable(Sequence sequence) {
    return engine_->durable() >= sequence || listener_->wait_until_durable(sequence);
  }
  // Waits until everything done so far is synced.
  void sync();
  // `check` holds now and after a restart.
  template <class Check>
  void now_and_later(Check check) {
    sync();
    check();
    restart();
    ASSERT_TRUE(started());
    check();
  }

  // A key whose secret is its id.
  result<CreatedKey> create(std::string_view id, std::array<std::string_view, 3> owners = {});
  KeyState state(std::string_view secret, UnixMs now = 1);

 private:
  Opener open_;
  Engine::Options options_;
  std::unique_ptr<RecordingListener> listener_;
  std::unique_ptr<Engine> engine_;  // before the listener, which it calls
  Store* store_ = nullptr;
  result<void> started_;
};

}  // namespace test
}  // namespace revoked::engine
