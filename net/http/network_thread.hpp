#pragma once
// One network thread: its io_context, its acceptor (SO_REUSEPORT: the kernel distributes the connections) and
// its connections, which never leave it. Only the service is shared with other threads.

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cache/wire/asio.hpp"
#include "engine/base/counters.hpp"
#include "net/http/connection.hpp"
#include "net/http/connection_table.hpp"
#include "net/http/durable_gate.hpp"
#include "net/http/server_certificate.hpp"
#include "net/http/server_limits.hpp"
#include "net/http/service.hpp"
#include "net/http/signal.hpp"
#include "net/http/socket_events.hpp"

namespace revoked::net {

// Ends the process with one log line and exit code 1: acknowledged work is on disk, and the supervisor
// restarts the process.
[[noreturn]] void end_the_process(std::string_view what);

class NetworkThread {
 public:
  // Called when the thread can no longer accept or serve connections: the kernel would keep assigning it its
  // share. Must not return to serving.
  using OnFatal = std::function<void(std::string_view what)>;

  // `durability` is null for a server whose answers never wait for a disk, `certificate` for one without TLS;
  // both outlive this. Throws boost::system::system_error
  // if it cannot listen on the address.
  NetworkThread(const cache::asio::ip::tcp::endpoint& endpoint, const ServerLimits& limits, Service& service,
                Durability* durability, OnFatal on_fatal = end_the_process,
                const ServerCertificate* certificate = nullptr);
  ~NetworkThread();

  std::uint16_t port() const;

  // From any thread.
  void start();
  // No new connections or requests; ends once all are answered, at the latest after drain_timeout.
  void drain();
  void close_gate();
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  void notify() { news_.notify(); }

  // The rest: on this thread only.
  const ServerLimits& limits() const { return limits_; }
  Service& service() { return service_; }
  // Runs it beside what else runs here; a bug in it is logged.
  void spawn(cache::Task<> task);
  Service::ThreadState* service_state() { return service_state_.get(); }
  RequestCounts& requests() { return requests_; }
  const ServerCertificate* certificate() const { return certificate_; }  // null: not encrypted
  std::chrono::steady_clock::time_point now() const { return now_; }  // of the last tick: accurate to 100 ms
  bool is_draining() const { return draining_; }
  cache::Executor executor() { return io_.get_executor(); }
  cache::asio::io_context& io() { return io_; }
  SocketEvents& socket_events() { return socket_events_; }
  Signal& news() { return news_; }
  // True once everything up to `sequence` is synced; false if it never will be.
  cache::Task<bool> durable(Durability::Sequence sequence);
  std::string_view next_request_id();

  ConnectionTable& connections() { return connections_; }
  void add(Connection& connection, ConnectionTable::Origin origin);
  void remove(Connection&) { --sessions_; }

  // From any thread.
  const RequestCounts& requests() const { return requests_; }
  // As of the last tick.
  std::size_t held_bytes() const { return held_bytes_.load(std::memory_order_relaxed); }
  // Grows every 100 ms while the thread works.
  std::uint64_t ticks() const { return ticks_.value(); }

 private:
  static constexpr std::chrono::milliseconds tick_every{100};
  static constexpr std::chrono::milliseconds accept_again_after{100};
  static constexpr std::chrono::seconds log_every{10};  // of events that may be very frequent
  // After this many permanent failures in a row, accept() throws.
  static constexpr int max_permanent_failures = 20;
  static constexpr std::size_t request_id_prefix = 8;   // random digits
  static constexpr std::size_t request_id_digits = 12;  // of a counter

  // Completion handler of a coroutine that the thread cannot work without.
  auto ends_fatally(std::string_view what) {
    return [this, what](const std::exception_ptr& failure) { report_fatal(what, failure); };
  }
  void report_fatal(std::string_view what, const std::exception_ptr& failure);

  cache::Task<> accept();
  void accept_what_waits();
  bool adopt(Socket socket);
  void look_at_failure(boost::system::error_code error);
  void log_periodically();
  cache::Task<> tick();
  void sweep();
  void run();
  void begin_drain();

  cache::asio::io_context io_{1};
  ServerLimits limits_;
  Service& service_;
  std::unique_ptr<Service::ThreadState> service_state_;
  RequestCounts requests_;
  const ServerCertificate* certificate_;
  cache::Acceptor acceptor_;
  cache::Timer tick_timer_;
  cache::Timer accept_pause_;
  SocketEvents socket_events_;
  std::optional<DurableGate> gate_;
  Signal news_;
  OnFatal on_fatal_;
  ConnectionTable connections_;
  std::size_t sessions_ = 0;  // sessions that have not ended, whether or not their sockets are closed
  std::atomic<std::size_t> held_bytes_{0};
  engine::Counter ticks_;
  // Since the last log line.
  std::uint64_t turned_away_ = 0;
  std::uint64_t evicted_ = 0;
  std::uint64_t failed_accepts_ = 0;
  boost::system::error_code accept_error_;
  std::chrono::steady_clock::time_point logged_at_;
  int permanent_failures_ = 0;  // of accept, in a row
  std::chrono::steady_clock::time_point now_;
  std::chrono::steady_clock::time_point drain_until_;
  bool draining_ = false;
  std::string request_id_;
  std::thread thread_;
};

}  // namespace revoked::net
