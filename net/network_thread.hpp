#pragma once
// One network thread: its io_context, its acceptor (SO_REUSEPORT: the kernel spreads the connections) and its
// connections, which never leave it. Nothing is shared with the other threads but the service.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cache/asio.hpp"
#include "engine/engine.hpp"
#include "net/connection.hpp"
#include "net/durable_gate.hpp"
#include "net/guard.hpp"
#include "net/service.hpp"
#include "net/signal.hpp"
#include "net/socket_events.hpp"

namespace revoked::net {

struct ServerLimits {
  HeadLimits head;
  std::size_t body_bytes = 1 << 20;
  std::size_t connections = 10'000;  // a thread
  std::size_t pipelined = 64;        // requests answered together
  std::chrono::milliseconds idle_timeout{75'000};
  std::chrono::milliseconds head_timeout{10'000};
  std::chrono::milliseconds body_timeout{30'000};
  std::chrono::milliseconds write_timeout{30'000};
  std::chrono::milliseconds linger_timeout{1'000};
  std::chrono::milliseconds drain_timeout{5'000};
};

class NetworkThread {
 public:
  // `engine` is null for a server whose answers never wait for a disk. Throws boost::system::system_error if
  // the address cannot be listened on.
  NetworkThread(const cache::asio::ip::tcp::endpoint& endpoint, const ServerLimits& limits, Service& service,
                engine::Engine* engine);
  ~NetworkThread();

  std::uint16_t port() const;

  // From any thread.
  void start();
  void
  drain();  // no new connections or requests; ends once all are answered, at the latest after drain_timeout
  void close_gate();
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  void notify() { news_.notify(); }

  // The rest: on this thread only.
  const ServerLimits& limits() const { return limits_; }
  Service& service() { return service_; }
  std::chrono::steady_clock::time_point now() const { return now_; }  // of the last tick: good to 100 ms
  bool is_draining() const { return draining_; }
  cache::Executor executor() { return io_.get_executor(); }
  SocketEvents& socket_events() { return socket_events_; }
  Signal& news() { return news_; }
  // True once everything up to `sequence` is synced; false if it never will be.
  cache::Task<bool> durable(engine::Sequence sequence);
  std::string_view next_request_id();

  void add(Connection& connection);
  void remove(Connection& connection);

 private:
  static constexpr std::chrono::milliseconds tick_every{100};
  static constexpr std::size_t request_id_prefix = 8;   // random digits
  static constexpr std::size_t request_id_digits = 12;  // of a count

  cache::Task<> accept();
  cache::Task<> tick();
  void sweep();
  void run();
  void begin_drain();

  cache::asio::io_context io_{1};
  ServerLimits limits_;
  Service& service_;
  engine::Engine* engine_;
  cache::Acceptor acceptor_;
  cache::Timer tick_timer_;
  cache::Timer accept_pause_;
  SocketEvents socket_events_;
  std::optional<DurableGate> gate_;
  Signal news_;
  std::vector<Connection*> connections_;
  std::chrono::steady_clock::time_point now_;
  std::chrono::steady_clock::time_point drain_until_;
  bool draining_ = false;
  std::string request_id_;
  std::thread thread_;
};

}  // namespace revoked::net
