#pragma once
// An engine as a test wants it: over a fake disk or over RocksDB in a directory, restarted at will, and with
// a way to wait for durability.

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

// Keeps what the listeners were told. Waits give up when the storage has failed, or when something must be
// wrong.
class Witness final : public JournalListener, public CommitListener {
 public:
  void on_batch(const BatchView& batch) override {
    {
      const std::scoped_lock lock(mutex_);
      told_ = batch.last();
      ++batches_;
    }
    changed_.notify_all();
  }
  void on_durable(Sequence durable) override {
    {
      const std::scoped_lock lock(mutex_);
      durable_ = durable;
    }
    changed_.notify_all();
  }
  void on_failure() {
    {
      const std::scoped_lock lock(mutex_);
      ++failures_;
    }
    changed_.notify_all();
  }

  bool wait_until_durable(Sequence sequence) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [&] { return durable_ >= sequence || failures_ != 0; });
    return durable_ >= sequence;
  }
  void wait_until_told(Sequence sequence) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, patience, [&] { return told_ >= sequence || failures_ != 0; }));
  }
  void wait_until_failed() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, patience, [&] { return failures_ != 0; }));
  }
  int failures() const {
    const std::scoped_lock lock(mutex_);
    return failures_;
  }
  Sequence durable() const {
    const std::scoped_lock lock(mutex_);
    return durable_;
  }

 private:
  static constexpr std::chrono::seconds patience{20};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Sequence told_ = 0;
  Sequence durable_ = 0;
  int batches_ = 0;
  int failures_ = 0;
};

inline Digest digest_of(std::string_view secret) { return sha256(secret); }

class Harness {
 public:
  using Opener = std::function<std::unique_ptr<Store>()>;

  explicit Harness(Opener open, Engine::Options options = {})
      : open_(std::move(open)), options_(std::move(options)) {
    start();
  }
  explicit Harness(std::shared_ptr<FakeDisk> disk)
      : Harness([disk] { return std::make_unique<FakeStore>(disk); }) {}
  // Over RocksDB in `directory`.
  explicit Harness(const std::string& directory, Engine::Options options = {})
      : Harness(
            [directory] {
              std::string detail;
              auto store = open_rocksdb_store(directory, detail);
              EXPECT_TRUE(store) << detail;
              return store ? std::move(*store) : nullptr;
            },
            std::move(options)) {}

  void stop() { engine_.reset(); }
  void start() {
    witness_ = std::make_unique<Witness>();
    engine_ = std::make_unique<Engine>(options_, [witness = witness_.get()] { witness->on_failure(); });
    auto opened = open_();
    ASSERT_TRUE(opened);
    store_ = opened.get();
    started_ = engine_->start(std::move(opened), *witness_, [](const LoadProgress&) {});
    if (started_) engine_->add(static_cast<CommitListener&>(*witness_));
  }
  void restart() {
    stop();
    start();
  }

  Engine* operator->() { return engine_.get(); }
  Engine& engine() { return *engine_; }
  Store& store() { return *store_; }
  Witness& witness() { return *witness_; }
  const result<void>& started() const { return started_; }
  bool wait_until_durable(Sequence sequence) {
    return engine_->durable() >= sequence || witness_->wait_until_durable(sequence);
  }
  // Everything done so far is synced.
  void settle() { ASSERT_TRUE(wait_until_durable(engine_->applied())); }

  // A key whose secret is its id.
  result<CreatedKey> create(std::string_view id, std::array<std::string_view, 3> owners = {}) {
    NewKey key;
    key.key_id = id;
    key.digest = digest_of(id);
    key.owners = owners;
    return engine_->create(key, {});
  }
  KeyState state(std::string_view secret, UnixMs now = 1) {
    Decision decision;
    const auto verified = engine_->verify(digest_of(secret), now, decision);
    EXPECT_TRUE(verified);
    return decision.state;
  }

 private:
  Opener open_;
  Engine::Options options_;
  std::unique_ptr<Witness> witness_;
  std::unique_ptr<Engine> engine_;  // before the witness, which it tells, goes
  Store* store_ = nullptr;
  result<void> started_;
};

// Folds what lies in `store` up to `through`, as the folder would when it feels like it.
inline Sequence fold_directly(Store& store, Sequence through) {
  std::vector<FoldedRevocation> revocations;
  const auto from = store.folded_to() + 1;
  const auto read = store.replay(from, [&](const BatchView& batch) {
    batch.for_each([&](Sequence at, const EventView& event) {
      if (event.type == EventType::key_revoked && at >= from && at <= through) {
        revocations.push_back({std::string(event[Field::key_id]), at});
      }
    });
    return batch.last() < through;
  });
  EXPECT_TRUE(read);
  EXPECT_TRUE(store.fold(revocations, through));
  return store.folded_to();
}

}  // namespace test
}  // namespace revoked::engine
