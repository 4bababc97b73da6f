#include "net/http/server.hpp"

#include <charconv>

namespace revoked::net {

using boost::asio::ip::tcp;

engine::result<tcp::endpoint> parse_listen(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return engine::errc::malformed;
  auto host = text.substr(0, colon);
  const auto port_text = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto end = port_text.data() + port_text.size();
  const auto read = std::from_chars(port_text.data(), end, port);
  if (read.ec != std::errc{} || read.ptr != end) return engine::errc::malformed;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty()) host = "0.0.0.0";
  if (host == "localhost") host = "127.0.0.1";
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(std::string(host), error);
  if (error) return engine::errc::malformed;
  return tcp::endpoint(address, port);
}

Server::Server(const Options& options, Service& service, Durability* durability)
    : service_(service), certificate_(options.certificate) {
  auto endpoint = options.listen;
  {
    // SO_REUSEPORT would allow sharing the port with another server of the same user: check first.
    boost::asio::io_context io;
    tcp::acceptor probe(io);
    probe.open(endpoint.protocol());
    probe.set_option(tcp::acceptor::reuse_address(true));
    probe.bind(endpoint);
  }
  for (std::size_t i = 0; i < options.threads; ++i) {
    threads_.push_back(std::make_unique<NetworkThread>(endpoint, options.limits, service, durability,
                                                       options.on_fatal, certificate_.get()));
    endpoint.port(threads_.front()->port());
  }
  for (auto& thread : threads_) thread->start();
}

Server::~Server() { drain(); }

void Server::notify_all() {
  for (auto& thread : threads_) thread->notify();
}

void Server::close_gates() {
  for (auto& thread : threads_) thread->close_gate();
}

void Server::write_metrics(engine::MetricsWriter& out) const {
  std::vector<const RequestCounts*> counts;
  counts.reserve(threads_.size());
  for (const auto& thread : threads_) counts.push_back(&thread->requests());
  RequestCounts::write(out, service_.route_names(), counts);
}

void Server::drain() {
  for (auto& thread : threads_) thread->drain();
  for (auto& thread : threads_) thread->join();
}

}  // namespace revoked::net
