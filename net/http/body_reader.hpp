#pragma once
// Reads the body of one request piece by piece, of known length or chunked, so that a body of any length
// takes no more memory than a piece. Belongs to the connection's session.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/http/connection.hpp"
#include "net/http/request.hpp"

namespace revoked::net {

class BodyReader {
 public:
  // The request's head has been consumed from the connection. `max_bytes`: of the body, or 0 if it may have
  // any length.
  BodyReader(Connection& connection, const Request& request, std::size_t max_bytes);
  ~BodyReader();
  BodyReader(const BodyReader&) = delete;
  BodyReader& operator=(const BodyReader&) = delete;

  enum class Got {
    piece,
    end,
    malformed,  // what follows cannot be told apart any more: the connection must end
    oversized,  // the same: over the limit, or chunk heads or trailers out of all proportion to the body
    closed,     // the peer is gone, or was too slow
  };
  // What the time of a body is for: all of it, from when the connection entered that phase; or each piece,
  // and then, too, these have to come at the slowest rate that the limits allow.
  enum class Deadline { of_each, of_all };
  // Waits for the next piece. Sends what lies in the connection's output
  // before it waits, and `100 Continue` if the peer waits for that.
  Task<Got> next(Deadline deadline = Deadline::of_each);
  // The bytes that came, until the next call.
  std::string_view piece() const { return piece_; }

  const bool& is_complete() const { return complete_; }

 private:
  struct Chunks;
  std::optional<Got> take_chunks();  // nothing: more has to arrive first
  std::optional<Got> take_counted();

  Connection& connection_;
  const std::size_t max_bytes_;
  std::unique_ptr<Chunks> chunks_;  // null: the length is known
  std::uint64_t left_;
  std::string_view piece_;
  std::size_t lent_bytes_ = 0;  // of the connection's buffer
  std::size_t received_bytes_ = 0;
  std::chrono::steady_clock::duration waited_{};  // for them
  bool continue_owed_;
  bool complete_;
};

}  // namespace revoked::net
