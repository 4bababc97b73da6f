#pragma once
// Asks the Sentinels of an address, on a connection to one of them, which server is the primary: when told
// to, when that Sentinel announces another primary, and again and again, because announcements can be lost.
// Goes on to the next Sentinel when one does not answer. Internal to this room; on the io_context's thread.
// Held by shared_ptr: its handlers on the io_context hold it.

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cache/bus/redis.hpp"
#include "cache/bus/redis_servers.hpp"
#include "cache/bus/redis_stream.hpp"
#include "cache/bus/resp.hpp"
#include "cache/wire/backoff.hpp"

namespace revoked::cache {

class RedisSentinels : public std::enable_shared_from_this<RedisSentinels> {
 public:
  // `on_primary`: called with each answer, until stop().
  using OnPrimary = std::function<void(const RedisServer& primary)>;
  RedisSentinels(asio::io_context& io, RedisAddress address, OnPrimary on_primary);

  // Asks now, and later every `period`.
  void ask(std::chrono::milliseconds period);
  // The last answer was wrong: the next question goes to the next Sentinel.
  void distrust();
  void stop();

  // For a log: why there is no answer. Empty if there was one since.
  const std::string& failure() const { return failure_; }

 private:
  void ask_now();
  void connect();
  void open(const RedisStream::Endpoint& endpoint);
  void send_question();
  void on_bytes(std::string_view bytes);
  void on_reply(const RespReply& reply);
  void on_answer(const RespReply& reply);
  void on_timeout() { fail("no answer in time"); }
  void fail(std::string_view reason);
  void set_timer(std::chrono::milliseconds wait, void (RedisSentinels::*then)());

  asio::io_context& io_;
  const RedisAddress address_;
  OnPrimary on_primary_;
  RedisServers servers_;
  std::shared_ptr<RedisStream> stream_;  // null: not connected, and not connecting
  std::optional<RespReader> reader_;
  Timer timer_;
  std::uint64_t timer_turn_ = 0;  // a pending wait of an earlier turn is ignored
  Backoff backoff_;
  std::chrono::milliseconds period_{1000};
  std::string failure_;
  bool is_looking_up_ = false;
  bool is_open_ = false;
  bool is_asked_ = false;
  bool has_signed_in_ = false;
  bool is_subscribed_ = false;
  enum class Sent { sign_in, unsubscribe, question, subscribe };
  std::deque<Sent> sent_;  // not answered yet
  bool stopped_ = false;
};

}  // namespace revoked::cache
