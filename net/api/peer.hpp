#pragma once
// What one engine asks another that shares its journal (engine/cluster). It presents a secret that the
// engines of a journal know from there.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "cache/wire/http_connection.hpp"
#include "engine/base/error.hpp"

namespace revoked::net {

// SECRET, or SECRET and the address of the client whose request is passed on.
inline constexpr std::string_view peer_header = "Revoked-Forwarded";

struct PeerOptions {
  std::string secret;
  std::string ca_file;  // trusted for engines with https; empty: the system's store
};

// Null: it cannot be reached within a second, or `url` is none.
cache::Task<cache::HttpConnection::Pointer> connect_to_peer(std::string url, std::string ca_file,
                                                            cache::asio::io_context& io);

// Copies the newest checkpoint of the engine at `url` into the file `path`, which it replaces, and answers
// the number of bytes. Blocks. Nothing is checked: whoever reads a checkpoint does that. Gives up on a peer
// that is `patience` behind 1 MiB a second, and before it fills the disk. errc::not_found: it has none, or is
// of an older version; errc::unavailable, timed_out, overloaded, malformed, storage_failed: it, or the disk.
// Then there is no new file.
engine::result<std::uint64_t> fetch_checkpoint(const std::string& url, const PeerOptions& options,
                                               const std::string& path,
                                               std::chrono::milliseconds patience = std::chrono::seconds(5));

}  // namespace revoked::net
