#pragma once
// The HTTP server: a number of network threads on one address.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "net/http/network_thread.hpp"

namespace revoked::net {

// "host:port", "[::1]:port" or ":port" for all addresses; the host must be an address or localhost.
engine::result<cache::asio::ip::tcp::endpoint> parse_listen(std::string_view text);

class Server {
 public:
  struct Options {
    cache::asio::ip::tcp::endpoint listen;
    std::size_t threads = 1;
    ServerLimits limits;
    NetworkThread::OnFatal on_fatal = end_the_process;
    std::shared_ptr<ServerCertificate> certificate{};  // null: HTTP, not HTTPS
  };

  // Listens and serves at once. Service and durability must outlive it. Throws boost::system::system_error if
  // it cannot listen. Port 0: the system picks one.
  Server(const Options& options, Service& service, Durability* durability);
  ~Server();

  std::uint16_t port() const { return threads_.front()->port(); }
  bool is_encrypted() const { return certificate_ != nullptr; }

  // From any thread.
  void notify_all();   // wakes the streams of all threads
  void close_gates();  // the disk will confirm nothing more
  // Answers the requests received, accepts no new ones, and returns when all connections are closed.
  void drain();

  // The requests answered by all threads.
  void write_metrics(engine::MetricsWriter& out) const;

  std::vector<std::unique_ptr<NetworkThread>>& threads() { return threads_; }

 private:
  const Service& service_;
  std::shared_ptr<ServerCertificate> certificate_;
  std::vector<std::unique_ptr<NetworkThread>> threads_;
};

}  // namespace revoked::net
