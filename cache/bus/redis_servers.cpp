#include "cache/bus/redis_servers.hpp"

#include <sys/un.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <utility>

#include "cache/bus/resp.hpp"

namespace revoked::cache {

RedisServers::RedisServers(asio::io_context& io, std::vector<RedisServer> servers) {
  for (auto& server : servers) {
    auto addresses = std::make_unique<NameLookup>(io, server.host, server.port);
    servers_.push_back({std::move(server), std::move(addresses)});
  }
}

void RedisServers::find(Done done) {
  if (servers_.empty()) {
    if (unix_path_.size() >= sizeof(sockaddr_un::sun_path)) return done("unix path too long", {});
    return done({}, asio::local::stream_protocol::endpoint(unix_path_));
  }
  auto& known = servers_[next_++ % servers_.size()];
  chosen_ = known.server;
  const auto turn = known.tries++;
  known.addresses->find([done = std::move(done), host = known.server.host, turn](
                            error_code error, const TcpEndpoints& endpoints) {
    if (error) return done("cannot resolve " + host + ": " + error.message(), {});
    done({}, endpoints[turn % endpoints.size()]);
  });
}

std::shared_ptr<RedisStream> make_stream(asio::io_context& io, const RedisAddress& address,
                                         const std::string& host, RedisStream::Listener listener) {
  auto tls = address.uses_tls ? address.tls->connection_to(host) : TlsConnection();
  return std::make_shared<RedisStream>(io, std::move(tls), std::move(listener));
}

bool append_sign_in(std::string& out, const RedisAddress& address) {
  if (address.password.empty()) return false;
  if (address.user.empty())
    append_command(out, {"AUTH", address.password});
  else
    append_command(out, {"AUTH", address.user, address.password});
  return true;
}

}  // namespace revoked::cache
