#include "bench/samples.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace revoked::bench {
namespace {

using engine::BatchView;
using engine::Field;
using engine::result;
using engine::Scope;
using engine::Sequence;

constexpr std::string_view uuid_shape = "0192f0c1-7a3b-7def-8123-000000000000";

class NullStore final : public engine::Store {
 public:
  NullStore(std::mutex* lock, std::chrono::microseconds sync) : lock_(lock), sync_(sync) {}
  result<void> append(const BatchView& batch) override {
    if (lock_ != nullptr) const std::scoped_lock held(*lock_);
    if (sync_.count() != 0) std::this_thread::sleep_for(sync_);
    last_ = batch.last();
    return {};
  }
  Sequence last() const override { return last_; }
  result<void> read(Sequence, const std::function<bool(const BatchView&)>&) const override { return {}; }
  result<std::unique_ptr<engine::Backup>> back_up() const override { return engine::errc::unavailable; }
  Sequence indexed_to() const override { return last_; }
  result<void> scan_index(engine::IndexKind, std::string_view, Sequence,
                          const std::function<bool(Sequence)>&) const override {
    return {};
  }
  result<void> wait_for_index() const override { return {}; }
  std::string failure() const override { return {}; }

 private:
  std::mutex* const lock_;
  const std::chrono::microseconds sync_;
  std::atomic<Sequence> last_{0};
};

}  // namespace

void renumber(std::string& uuid, std::uint64_t number) {
  for (std::size_t at = uuid.size(); at > uuid.size() - 12; number >>= 4) {
    uuid[--at] = "0123456789abcdef"[number & 15];
  }
}

std::string uuid_of(std::uint64_t number) {
  std::string uuid(uuid_shape);
  renumber(uuid, number);
  return uuid;
}

cache::Decision decision_of(std::uint64_t number, engine::Position as_of) {
  cache::Decision decision;
  decision.state = cache::Decision::State::active;
  decision.key_id = uuid_of(number);
  decision.user = uuid_of(number + (std::uint64_t{1} << 40));
  decision.application = uuid_of(number / 10 + (std::uint64_t{2} << 40));
  decision.workspace = uuid_of(number / 1000 + (std::uint64_t{3} << 40));
  decision.permissions = "documents:read documents:write";
  decision.as_of = as_of;
  return decision;
}

engine::EventView revocation_of(std::string_view key_id) {
  engine::EventView event;
  event.type = engine::EventType::key_revoked;
  event.at = 1'767'322'445'678;
  event[Field::key_id] = key_id;
  event[Field::user] = "0192f0c1-7a3b-7def-8123-010000000001";
  event[Field::application] = "0192f0c1-7a3b-7def-8123-020000000001";
  event[Field::workspace] = "0192f0c1-7a3b-7def-8123-030000000001";
  event[Field::reason] = "leaked";
  event[Field::actor] = "master";
  event[Field::address] = "192.0.2.1";
  event[Field::request_id] = "4bf92f3577b34da6a3ce929d0e0e4736";
  return event;
}

engine::Batch revocations(Sequence first, std::uint32_t count) {
  engine::Batch batch;
  batch.begin(1, first);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto key_id = uuid_of(first + i);
    batch.append(revocation_of(key_id));
  }
  return batch;
}

std::unique_ptr<engine::Store> make_null_store(std::mutex* lock, std::chrono::microseconds sync) {
  return std::make_unique<NullStore>(lock, sync);
}

FilledEngine::FilledEngine(std::size_t keys, std::chrono::microseconds sync) : engine_({}, [] {}) {
  if (!engine_.start(make_null_store(&commits_, sync), listener_, [](const engine::LoadProgress&) {})) {
    throw std::runtime_error("the engine does not start");
  }
  for (std::size_t i = 0; i < keys; ++i) {
    const auto decision = decision_of(i, {});
    engine::NewKey key;
    key.key_id = decision.key_id;
    key.digest = digest_of(i);
    key.owners = {decision.user, decision.application, decision.workspace};
    key.permissions = decision.permissions;
    // Refused while too much is pending; the null store is fast.
    while (!engine_.create(key, {})) std::this_thread::yield();
  }
  while (engine_.durable() < engine_.applied()) std::this_thread::yield();
}

}  // namespace revoked::bench
