#include "cache/library/watch_sockets.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <system_error>

#include "cache/library/blocked_signals.hpp"

namespace revoked::library {

using cache::error_code;

class WatchSockets::Held final : public cache::Watcher {
 public:
  using Protocol = asio::local::stream_protocol;
  using Socket = asio::basic_stream_socket<Protocol, cache::Executor>;

  Held(WatchSockets& owner, Number number, int descriptor)
      : Watcher(owner.io_.get_executor()),
        owner_(owner),
        number_(number),
        socket_(owner.io_, Protocol(), descriptor) {}

  Socket& socket() { return socket_; }
  bool is_told() const { return !socket_.is_open(); }

  bool is_started = false;
  bool is_ending = false;  // the gateway has been asked to forget it

 private:
  void on_denied(std::string_view reason) noexcept override {
    ::send(socket_.native_handle(), reason.data(), reason.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    error_code ignored;
    socket_.close(ignored);
    if (is_started && !is_ending) owner_.drop(number_);
  }

  WatchSockets& owner_;
  const Number number_;
  Socket socket_;
};

WatchSockets::WatchSockets(cache::Gateway& gateway, std::function<void()> on_failure) : gateway_(gateway) {
  const BlockedSignals blocked;
  thread_ = std::thread([this, on_failure = std::move(on_failure)] { run(on_failure); });
}

void WatchSockets::run(const std::function<void()>& on_failure) noexcept {
  try {
    io_.run();
  } catch (...) {
    close_all();
    on_failure();
  }
}

void WatchSockets::close_all() noexcept {
  error_code ignored;
  for (auto& [number, held] : held_) held->socket().close(ignored);
}

void WatchSockets::end_all() {
  asio::post(io_, [this] { close_all(); });
}

WatchSockets::~WatchSockets() { stop(); }

void WatchSockets::stop() {
  if (!thread_.joinable()) return;
  io_.stop();
  thread_.join();
}

int WatchSockets::open(const engine::Digest& digest, std::string_view secret, std::string_view client,
                       std::function<void(const Start&)> done) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw std::system_error(errno, std::generic_category());
  const auto number = ++numbers_;
  auto held = std::make_unique<Held>(*this, number, ends[0]);
  auto& watcher = *held;
  asio::post(io_,
             [this, number, held = std::move(held)]() mutable { held_.emplace(number, std::move(held)); });
  gateway_.watch(
      watcher, digest, std::string(secret),
      [this, number, done = std::move(done)](Start started) {
        asio::post(io_, [this, number, done, started = std::move(started)] {
          start(number, started);
          done(started);
        });
      },
      client);
  return ends[1];
}

void WatchSockets::start(Number number, const Start& started) {
  auto& held = *held_.at(number);
  held.is_started = true;
  if (!started.is_held || held.is_told()) return drop(number);
  wait_for_end(number);
}

// Whatever the caller does with its end other than reading it.
void WatchSockets::wait_for_end(Number number) {
  held_.at(number)->socket().async_wait(Held::Socket::wait_read, [this, number](error_code) {
    const auto found = held_.find(number);
    if (found == held_.end() || found->second->is_told()) return;
    found->second->is_ending = true;
    gateway_.unwatch(*found->second, [this, number] { asio::post(io_, [this, number] { drop(number); }); });
  });
}

void WatchSockets::drop(Number number) { held_.erase(number); }

}  // namespace revoked::library
