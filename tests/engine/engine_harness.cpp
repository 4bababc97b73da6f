#include "tests/engine/engine_harness.hpp"

namespace revoked::engine::test {

void RecordingListener::on_batch(const BatchView& batch) {
  {
    const std::scoped_lock lock(mutex_);
    published_ = batch.last();
  }
  changed_.notify_all();
}

void RecordingListener::on_durable(Sequence durable) {
  {
    const std::scoped_lock lock(mutex_);
    durable_ = durable;
  }
  changed_.notify_all();
}

void RecordingListener::on_failure() {
  {
    const std::scoped_lock lock(mutex_);
    ++failures_;
  }
  changed_.notify_all();
}

bool RecordingListener::wait_until_durable(Sequence sequence) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [&] { return durable_ >= sequence || failures_ != 0; });
  return durable_ >= sequence;
}

void RecordingListener::wait_until_published(Sequence sequence) {
  std::unique_lock lock(mutex_);
  EXPECT_TRUE(changed_.wait_for(lock, patience, [&] { return published_ >= sequence || failures_ != 0; }));
}

void RecordingListener::wait_until_failed() {
  std::unique_lock lock(mutex_);
  EXPECT_TRUE(changed_.wait_for(lock, patience, [&] { return failures_ != 0; }));
}

int RecordingListener::failures() const {
  const std::scoped_lock lock(mutex_);
  return failures_;
}

Sequence RecordingListener::durable() const {
  const std::scoped_lock lock(mutex_);
  return durable_;
}

Harness::Harness(Opener open, Engine::Options options)
    : open_(std::move(open)), options_(std::move(options)) {
  start();
}

Harness::Harness(std::shared_ptr<FakeDisk> disk)
    : Harness([disk] { return std::make_unique<FakeStore>(disk); }) {}

Harness::Harness(const std::string& directory, Engine::Options options)
    : Harness(
          [directory] {
            std::string detail;
            auto store = open_store(directory, {}, detail);
            EXPECT_TRUE(store) << detail;
            return store ? std::move(*store) : nullptr;
          },
          std::move(options)) {}

void Harness::stop() { engine_.reset(); }

void Harness::start() {
  listener_ = std::make_unique<RecordingListener>();
  engine_ = std::make_unique<Engine>(options_, [listener = listener_.get()] { listener->on_failure(); });
  auto opened = open_();
  ASSERT_TRUE(opened);
  store_ = opened.get();
  started_ = engine_->start(std::move(opened), *listener_, [](const LoadProgress&) {});
  if (started_) engine_->add(static_cast<CommitListener&>(*listener_));
}

void Harness::sync() { ASSERT_TRUE(wait_until_durable(engine_->applied())); }

result<CreatedKey> Harness::create(std::string_view id, std::array<std::string_view, 3> owners) {
  NewKey key;
  key.key_id = id;
  key.digest = digest_of(id);
  key.owners = owners;
  return engine_->create(key, {});
}

KeyState Harness::state(std::string_view secret, UnixMs now) {
  Decision decision;
  const auto verified = engine_->verify(digest_of(secret), now, decision);
  EXPECT_TRUE(verified);
  return decision.state;
}

Harness::Harness(Harness&&) noexcept = default;

Harness::~Harness() = default;

}  // namespace revoked::engine::test
