#include <algorithm>
#include <boost/asio/post.hpp>
#include <deque>
#include <utility>

#include "cache/bus/publish_queue.hpp"
#include "cache/bus/redis.hpp"
#include "cache/bus/redis_connection.hpp"

namespace revoked::cache {
namespace {

constexpr std::size_t max_reply_bytes = 64 << 10;

}  // namespace

struct RedisPublisher::Impl final : RedisConnection {
  Impl(asio::io_context& io_, RedisAddress address, RedisStateListener on_state, RedisKeepAlive keep_alive)
      : RedisConnection(io_, std::move(address), std::move(on_state), max_reply_bytes, keep_alive), io(io_) {}

  enum class Sent { ping, role, message };

  void greet() override { ping(); }
  void ping() override {
    if (send({"PING"})) sent.push_back(Sent::ping);
  }
  void ask_role() override {
    if (send({"ROLE"})) sent.push_back(Sent::role);
  }

  // A message without a reply may have been published or not.
  void on_reply(const RespReply& reply) override {
    if (sent.empty()) return drop("a reply without a command");
    const auto what = sent.front();
    sent.pop_front();
    if (what == Sent::message && reply.kind != RespReply::Kind::integer) ++dropped;
    if (reply.kind == RespReply::Kind::error) return drop(reason_of(reply));
    if (what == Sent::role) return on_role(reply);
    const auto expected = what == Sent::ping ? RespReply::Kind::text : RespReply::Kind::integer;
    if (reply.kind != expected) return drop("an unexpected reply");
    if (what == Sent::ping) became_ready();
  }

  void on_closed() override {
    dropped += static_cast<std::uint64_t>(std::count(sent.begin(), sent.end(), Sent::message));
    sent.clear();
    dropped += queue.clear();
  }

  // Sends all queued messages with as few writes as possible.
  void drain() {
    queue.take(sending);
    for (const auto& item : sending) {
      if (is_ready() && unsent_bytes() + item.message->size() > max_unsent_bytes)
        drop("too many unsent bytes");
      if (is_ready() && send({"PUBLISH", item.channel, *item.message}))
        sent.push_back(Sent::message);
      else
        ++dropped;
    }
    sending.clear();
    write_now();
  }

  PublishQueue queue{max_unsent_bytes};
  PublishQueue::Items sending;  // used in drain() only; keeps its capacity
  std::deque<Sent> sent;        // not answered yet
  std::atomic<std::uint64_t> dropped{0};
  asio::io_context& io;
};

RedisPublisher::RedisPublisher(asio::io_context& io, RedisAddress address, RedisStateListener on_state,
                               RedisKeepAlive keep_alive)
    : impl_(std::make_shared<Impl>(io, std::move(address), std::move(on_state), keep_alive)) {
  RedisConnection::start(impl_);
}

RedisPublisher::~RedisPublisher() { stop(); }

// drain() drops a message that is queued just as the connection is lost.
void RedisPublisher::publish(std::string_view channel, std::shared_ptr<const std::string> message) {
  using Pushed = PublishQueue::Pushed;
  const auto pushed =
      impl_->is_ready() ? impl_->queue.push({std::string(channel), std::move(message)}) : Pushed::refused;
  if (pushed == Pushed::refused) ++impl_->dropped;
  if (pushed == Pushed::must_take) asio::post(impl_->io, [impl = impl_] { impl->drain(); });
}

bool RedisPublisher::is_connected() const { return impl_->is_ready(); }
bool RedisPublisher::is_idle() const { return impl_->queue.is_empty() && impl_->sent.empty(); }
std::uint64_t RedisPublisher::dropped() const { return impl_->dropped; }
void RedisPublisher::stop() { impl_->stop(); }

}  // namespace revoked::cache
