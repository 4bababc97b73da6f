#include "cache/bus/redis_sentinels.hpp"

#include <charconv>
#include <utility>

namespace revoked::cache {
namespace {

using namespace std::chrono_literals;

constexpr auto answer_timeout = 1s;  // from the look-up of a Sentinel's name
constexpr std::size_t max_answer_bytes = 64 << 10;
constexpr std::string_view announcements = "+switch-master";

std::optional<RedisServer> read_primary(const RespReply& reply) {
  const auto& parts = reply.elements;
  if (reply.kind != RespReply::Kind::array || parts.size() != 2) return {};
  const bool is_v6 = parts[0].text.find(':') != std::string::npos;
  RedisServer primary;
  if (!parse_endpoint((is_v6 ? "[" + parts[0].text + "]:" : parts[0].text + ":") + parts[1].text,
                      primary.host, primary.port))
    return {};
  return primary;
}

// "NAME IP PORT IP PORT" on the channel of announcements.
bool is_announcement(const RespReply& reply, const std::string& name) {
  const auto& parts = reply.elements;
  return parts.size() == 3 && parts[0].text == "message" && parts[1].text == announcements &&
         parts[2].text.starts_with(name + " ");
}

}  // namespace

RedisSentinels::RedisSentinels(asio::io_context& io, RedisAddress address, OnPrimary on_primary)
    : io_(io),
      address_(std::move(address)),
      on_primary_(std::move(on_primary)),
      servers_(io, address_.servers),
      timer_(io) {}

void RedisSentinels::ask(std::chrono::milliseconds period) {
  period_ = period;
  ask_now();
}

void RedisSentinels::distrust() {
  if (stream_) fail("names a server that is not the primary");
}

void RedisSentinels::stop() {
  stopped_ = true;
  ++timer_turn_;
  timer_.cancel();
  if (stream_) stream_->close();
}

void RedisSentinels::ask_now() {
  if (stopped_ || is_asked_) return;
  if (is_open_) return send_question();
  if (!stream_ && !is_looking_up_) connect();
}

void RedisSentinels::connect() {
  is_looking_up_ = true;
  set_timer(answer_timeout, &RedisSentinels::on_timeout);
  servers_.find([self = weak_from_this(), turn = timer_turn_](std::string_view failure,
                                                              const RedisStream::Endpoint& endpoint) {
    const auto sentinels = self.lock();
    if (!sentinels || sentinels->stopped_ || turn != sentinels->timer_turn_) return;
    if (!failure.empty()) return sentinels->fail(failure);
    sentinels->open(endpoint);
  });
}

void RedisSentinels::open(const RedisStream::Endpoint& endpoint) {
  is_looking_up_ = false;
  has_signed_in_ = is_subscribed_ = false;
  sent_.clear();
  reader_.emplace(max_answer_bytes);
  const auto with = [self = weak_from_this()](auto call) {
    return [self, call](auto... arguments) {
      if (const auto sentinels = self.lock()) call(*sentinels, arguments...);
    };
  };
  stream_ = make_stream(
      io_, address_, servers_.chosen().host,
      {.on_open = with([](RedisSentinels& self) {
         self.is_open_ = true;
         self.send_question();
       }),
       .on_bytes = with([](RedisSentinels& self, std::string_view bytes) { self.on_bytes(bytes); }),
       .on_end = with([](RedisSentinels& self, std::string_view reason) { self.fail(reason); })});
  stream_->open(endpoint);
}

// A connection that has subscribed may not ask anything else.
void RedisSentinels::send_question() {
  is_asked_ = true;
  set_timer(answer_timeout, &RedisSentinels::on_timeout);
  const auto send = [this](Sent what, std::initializer_list<std::string_view> command) {
    sent_.push_back(what);
    append_command(stream_->outgoing(), command);
  };
  if (std::exchange(is_subscribed_, true)) send(Sent::unsubscribe, {"UNSUBSCRIBE", announcements});
  send(Sent::question, {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", address_.primary_name});
  send(Sent::subscribe, {"SUBSCRIBE", announcements});
  stream_->flush();
}

void RedisSentinels::on_bytes(std::string_view bytes) {
  reader_->feed(bytes);
  std::string error;
  while (is_open_) {
    const auto reply = reader_->next(error);
    if (!error.empty()) return fail(error);
    if (!reply) return;
    on_reply(*reply);
  }
}

void RedisSentinels::on_reply(const RespReply& reply) {
  if (is_announcement(reply, address_.primary_name)) return ask_now();
  if (sent_.empty()) return fail("a reply without a command");
  const auto what = sent_.front();
  sent_.pop_front();
  if (what == Sent::question) return on_answer(reply);
  // A Sentinel that does not permit to subscribe is asked as often as any other.
  if (what == Sent::sign_in && reply.kind == RespReply::Kind::error) fail(reason_of(reply));
}

void RedisSentinels::on_answer(const RespReply& reply) {
  using Kind = RespReply::Kind;
  if (reply.kind == Kind::error) {
    // Only a Sentinel that asks for it gets the password: it may have none, or not know that of Redis.
    if (!reply.text.starts_with("NOAUTH") || std::exchange(has_signed_in_, true) ||
        !append_sign_in(stream_->outgoing(), address_))
      return fail(reason_of(reply));
    sent_.push_back(Sent::sign_in);
    return send_question();
  }
  if (reply.kind == Kind::nothing) return fail("knows no primary " + address_.primary_name);
  const auto primary = read_primary(reply);
  if (!primary) return fail("an unexpected reply");
  is_asked_ = false;
  failure_.clear();
  backoff_.reset();
  set_timer(period_, &RedisSentinels::ask_now);
  on_primary_(*primary);
}

void RedisSentinels::fail(std::string_view reason) {
  failure_ = to_string(servers_.chosen()) + ": " + std::string(reason);
  if (stream_) stream_->close();
  stream_.reset();
  is_looking_up_ = is_open_ = is_asked_ = false;
  set_timer(backoff_.next(), &RedisSentinels::ask_now);
}

void RedisSentinels::set_timer(std::chrono::milliseconds wait, void (RedisSentinels::*then)()) {
  timer_.expires_after(wait);
  timer_.async_wait([self = shared_from_this(), turn = ++timer_turn_, then](error_code error) {
    if (!error && turn == self->timer_turn_ && !self->stopped_) ((*self).*then)();
  });
}

}  // namespace revoked::cache
