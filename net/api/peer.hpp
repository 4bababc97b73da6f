#pragma once
// What one engine asks another that shares its journal (engine/cluster). It presents a secret that the
// engines of a journal know from there.

#include <chrono>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cache/wire/http_connection.hpp"
#include "engine/base/error.hpp"
#include "net/http/service.hpp"

namespace revoked::net {

// SECRET, or SECRET and the address of the client whose request is passed on.
inline constexpr std::string_view peer_header = "Revoked-Forwarded";

struct PeerOptions {
  std::string secret;
  cache::TlsClientOptions tls;  // to engines with https
};

// Connections of one thread to another engine: mostly to one, that which leads. Each is used for one request
// at a time, and kept for the next. Outlives the coroutines.
class PeerConnections final : public Service::ThreadState {
 public:
  using Pointer = cache::HttpConnection::Pointer;

  PeerConnections(cache::asio::io_context& io, cache::TlsClientOptions tls) : io_(io), tls_(std::move(tls)) {}

  // A peer may close one that is kept while a request is under way, which is then not answered: only what may
  // be repeated takes one of those.
  enum class Kept { may_be_taken, not_taken };
  // Null: the peer cannot be reached within a second, or `url` is none.
  cache::Task<Pointer> connect(std::string url, Kept kept);
  // For the next request to `url`, if the answer was read to its end, and another peer is not asked by now.
  void keep(const std::string& url, Pointer connection);
  // When one of them has failed.
  void close_kept() { kept_.clear(); }

  // A request that may be repeated, while it is under way.
  class Underway {
   public:
    Underway(PeerConnections& connections, std::string url, Pointer connection);
    ~Underway() { connections_.underway_.erase(at_); }
    Underway(const Underway&) = delete;
    Underway& operator=(const Underway&) = delete;

   private:
    PeerConnections& connections_;
    const std::list<std::pair<std::string, Pointer>>::iterator at_;
  };
  // Those to other peers than `url`, so that they are repeated at once: a leader that another one has
  // replaced may never answer.
  void close_underway_but(const std::string& url);
  bool has_underway() const { return !underway_.empty(); }
  bool is_watched = false;  // by whoever calls close_underway_but()

 private:
  static constexpr std::size_t most_kept = 64;

  bool go_to(const std::string& url);

  cache::asio::io_context& io_;
  const cache::TlsClientOptions tls_;
  std::string url_;                            // the last one
  std::shared_ptr<cache::HttpOrigin> origin_;  // null: it is none
  std::vector<Pointer> kept_;                  // to it
  std::list<std::pair<std::string, Pointer>> underway_;
};

// Copies the newest checkpoint of the engine at `url` into the file `path`, which it replaces, and answers
// the number of bytes. Blocks. Nothing is checked: whoever reads a checkpoint does that. Gives up on a peer
// that is `patience` behind 1 MiB a second, and before it fills the disk. errc::not_found: it has none, or is
// of an older version; errc::unavailable, timed_out, overloaded, malformed, storage_failed: it, or the disk.
// Then there is no new file.
engine::result<std::uint64_t> fetch_checkpoint(const std::string& url, const PeerOptions& options,
                                               const std::string& path,
                                               std::chrono::milliseconds patience = std::chrono::seconds(5));

}  // namespace revoked::net
