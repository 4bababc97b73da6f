#include "net/api/peer.hpp"

#include <boost/asio/co_spawn.hpp>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

#include "cache/wire/endpoint.hpp"
#include "net/http/log.hpp"

namespace revoked::net {
namespace {

using cache::HttpConnection;
using engine::errc;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::uint16_t usual_port = 7385;
constexpr std::uint64_t bytes_per_second = 1 << 20;
constexpr std::string_view cannot_connect = "cannot connect to another engine";
constexpr std::uint64_t left_free = 64 << 20;  // of the disk

boost::system::error_code error_of(unsigned status) {
  if (status == 200) return {};
  if (status == 404) return errc::not_found;
  return status == 503 ? errc::overloaded : errc::unavailable;
}

cache::Task<engine::result<std::uint64_t>> fetch(std::string url, PeerOptions options, std::string path,
                                                 std::chrono::milliseconds patience,
                                                 cache::asio::io_context& io) {
  PeerConnections connections(io, options.tls);
  const auto peer = co_await connections.connect(std::move(url), PeerConnections::Kept::not_taken);
  if (!peer) co_return errc::unavailable;
  auto request = std::make_shared<std::string>("GET /v1/checkpoint HTTP/1.1\r\nHost: peer\r\n");
  request->append(peer_header).append(": ").append(options.secret).append("\r\n\r\n");
  const auto began = Clock::now();
  const auto opened = co_await HttpConnection::open_stream(peer, std::move(request), began + patience);
  if (!opened) co_return opened.error();
  if (const auto error = error_of((*opened)->get().result_int())) co_return error;

  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  std::error_code failed;
  const auto room = std::filesystem::space(std::filesystem::absolute(path).parent_path(), failed).available;
  const auto most = failed || room < left_free ? 0 : room - left_free;
  std::uint64_t taken = 0;
  std::vector<char> chunk(256 << 10);
  for (;;) {
    const auto deadline = began + patience + std::chrono::milliseconds(taken * 1000 / bytes_per_second);
    const auto size =
        co_await HttpConnection::read_stream(peer, *opened, cache::asio::buffer(chunk), deadline);
    if (!size) co_return size.error();
    if (*size == 0) break;
    taken += *size;
    if (taken > most) co_return errc::storage_failed;
    file.write(chunk.data(), static_cast<std::streamsize>(*size));
  }
  file.close();
  if (!file) co_return errc::storage_failed;
  co_return taken;
}

}  // namespace

// False: `url` is none, or the files for TLS cannot be used.
bool PeerConnections::go_to(const std::string& url) {
  if (url == url_) return origin_ != nullptr;
  kept_.clear();
  origin_.reset();
  url_ = url;
  const auto address = cache::parse_http_url(url, usual_port);
  if (!address) return false;
  std::shared_ptr<cache::TlsClient> tls;
  try {
    if (address->is_encrypted) tls = std::make_shared<cache::TlsClient>(tls_);
  } catch (const std::runtime_error& error) {
    log(Level::warning, cannot_connect, {{"url", url}, {"reason", error.what()}});
    url_.clear();
    return false;
  }
  origin_ = std::make_shared<cache::HttpOrigin>(io_, address->host, address->port, std::move(tls));
  return true;
}

cache::Task<HttpConnection::Pointer> PeerConnections::connect(std::string url, Kept kept) {
  if (!go_to(url)) co_return nullptr;
  while (kept == Kept::may_be_taken && !kept_.empty()) {
    auto connection = std::move(kept_.back());
    kept_.pop_back();
    if (connection->is_reusable()) co_return connection;
  }
  auto connection = std::make_shared<HttpConnection>(io_);
  const auto connected = co_await HttpConnection::connect(connection, origin_, Clock::now() + 1s);
  if (connected) co_return connection;
  static LogLimit limit;
  log(limit, {}, Level::warning, cannot_connect, {{"url", url}, {"reason", connected.error().message()}});
  co_return nullptr;
}

void PeerConnections::keep(const std::string& url, Pointer connection) {
  if (url == url_ && kept_.size() < most_kept && connection->is_reusable())
    kept_.push_back(std::move(connection));
}

PeerConnections::Underway::Underway(PeerConnections& connections, std::string url, Pointer connection)
    : connections_(connections),
      at_(connections.underway_.emplace(connections.underway_.end(), std::move(url), std::move(connection))) {
}

void PeerConnections::close_underway_but(const std::string& url) {
  for (const auto& [to, connection] : underway_) {
    if (to != url) connection->close();
  }
}

engine::result<std::uint64_t> fetch_checkpoint(const std::string& url, const PeerOptions& options,
                                               const std::string& path, std::chrono::milliseconds patience) {
  const auto draft = path + ".peer";
  cache::asio::io_context io(1);
  engine::result<std::uint64_t> fetched = errc::unavailable;
  std::exception_ptr bug;
  cache::asio::co_spawn(io, fetch(url, options, draft, patience, io),
                        [&](std::exception_ptr failure, engine::result<std::uint64_t> result) {
                          bug = std::move(failure);
                          fetched = result;
                          io.stop();
                        });
  io.run();
  if (bug) std::rethrow_exception(bug);
  std::error_code failed;
  if (fetched) std::filesystem::rename(draft, path, failed);
  if (failed) fetched = errc::storage_failed;
  if (!fetched) std::filesystem::remove(draft, failed);
  return fetched;
}

}  // namespace revoked::net
