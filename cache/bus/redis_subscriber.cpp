#include <utility>

#include "cache/bus/redis.hpp"
#include "cache/bus/redis_connection.hpp"

namespace revoked::cache {
namespace {

constexpr std::size_t max_framing_bytes = 1 << 10;  // around a message

}  // namespace

struct RedisSubscriber::Impl final : RedisConnection {
  Impl(asio::io_context& io, RedisAddress address, RedisStateListener on_state, RedisKeepAlive keep_alive,
       std::string channel_, std::function<void(std::string_view)> on_message_)
      : RedisConnection(io, std::move(address), std::move(on_state), max_message_bytes + max_framing_bytes,
                        keep_alive),
        channel(std::move(channel_)),
        on_message(std::move(on_message_)) {}

  void greet() override { send({"SUBSCRIBE", channel}); }
  void ping() override { send({"PING"}); }

  // On a subscribed connection every reply is an array that starts with its kind.
  void on_reply(const RespReply& reply) override {
    using Kind = RespReply::Kind;
    if (reply.kind == Kind::error) return drop(reason_of(reply));
    const auto& parts = reply.elements;
    const auto is_text = [&](std::size_t i, std::string_view text) {
      return i < parts.size() && parts[i].kind == Kind::text && parts[i].text == text;
    };
    if (!is_ready()) {
      if (parts.size() == 3 && is_text(0, "subscribe") && is_text(1, channel)) return became_ready();
    } else if (is_text(0, "message") && is_text(1, channel) && parts.size() == 3 &&
               parts[2].kind == Kind::text) {
      return on_message(parts[2].text);
    } else if (is_text(0, "pong") && parts.size() == 2) {
      return;
    }
    drop("an unexpected reply to a subscription");
  }

  const std::string channel;
  const std::function<void(std::string_view)> on_message;
};

RedisSubscriber::RedisSubscriber(asio::io_context& io, RedisAddress address, std::string channel,
                                 std::function<void(std::string_view message)> on_message,
                                 RedisStateListener on_state, RedisKeepAlive keep_alive)
    : impl_(std::make_shared<Impl>(io, std::move(address), std::move(on_state), keep_alive,
                                   std::move(channel), std::move(on_message))) {
  RedisConnection::start(impl_);
}

RedisSubscriber::~RedisSubscriber() { stop(); }
void RedisSubscriber::stop() { impl_->stop(); }

}  // namespace revoked::cache
