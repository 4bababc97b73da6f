#pragma once
// Passes the requests that only the leader can answer to it, of an engine that follows (engine/cluster). One
// hop: a request that was passed on already is answered here or not at all. The answer of a change is given
// once this engine has it too, so that a later request here sees it (P4).

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "engine/cluster/standing.hpp"
#include "net/api/peer.hpp"
#include "net/http/service.hpp"

namespace revoked::net {

// Of a 503 `not_current`.
inline constexpr std::string_view not_current = "this engine has no news from the one that leads";

// Used by all network threads.
class Forwarder {
 public:
  // `standing` outlives it.
  Forwarder(const engine::Standing& standing, PeerOptions options)
      : standing_(standing), options_(std::move(options)) {}

  // Of each network thread that forwards.
  std::unique_ptr<PeerConnections> new_connections(cache::asio::io_context& io) const {
    return std::make_unique<PeerConnections>(io, options_.tls);
  }

  // Sends the request to the leader, waiting a little if there is none, and its answer to the client. False:
  // this engine leads by now, and answers itself.
  Task<bool> forward(Exchange exchange) const;

  // Whether the request is an engine's of this journal; one that it passes on has its client's address then.
  bool take_forwarded(Request& request) const;

 private:
  struct Leader {
    std::string url;
    PeerConnections::Pointer connection;  // null: there is none in time, or this engine leads
  };
  Task<Leader> find_leader(NetworkThread& thread, PeerConnections::Kept kept,
                           std::chrono::steady_clock::time_point until) const;
  // Closes what is under way on a thread to an engine that leads no more, until nothing is.
  Task<> watch_leader(NetworkThread& thread, PeerConnections& connections) const;
  std::string head_for_leader(const Request& request, bool has_body) const;

  const engine::Standing& standing_;
  const PeerOptions options_;
};

}  // namespace revoked::net
