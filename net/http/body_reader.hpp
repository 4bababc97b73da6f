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
  // The request's head has been consumed from the connection. `max_bytes`: limit of the body, 0: no limit.
  BodyReader(Connection& connection, const Request& request, std::size_t max_bytes);
  ~BodyReader();
  BodyReader(const BodyReader&) = delete;
  BodyReader& operator=(const BodyReader&) = delete;

  enum class Got {
    piece,
    end,
    malformed,  // the framing is lost: the connection must end
    oversized,  // the same: body over the limit, or too many bytes of chunk heads or trailers for the body
    closed,     // the peer has closed, or was too slow
  };
  // What the deadline covers. `of_all`: the whole body, from when the connection entered that phase.
  // `of_each`: each piece; the pieces must also arrive at the minimum rate of the limits.
  enum class Deadline { of_each, of_all };
  // Waits for the next piece. Before it waits, it sends the connection's pending output, and `100 Continue`
  // if the peer expects that.
  Task<Got> next(Deadline deadline = Deadline::of_each);
  // The bytes that arrived. Valid until the next call.
  std::string_view piece() const { return piece_; }

  const bool& is_complete() const { return complete_; }

 private:
  struct Chunks;
  std::optional<Got> take_chunks();  // nullopt: more must arrive first
  std::optional<Got> take_counted();

  Connection& connection_;
  const std::size_t max_bytes_;
  std::unique_ptr<Chunks> chunks_;  // null: the length is known
  std::uint64_t left_;
  std::string_view piece_;
  std::size_t lent_bytes_ = 0;  // of the connection's buffer
  std::size_t received_bytes_ = 0;
  std::chrono::steady_clock::duration waited_{};  // for received_bytes_
  bool continue_owed_;
  bool complete_;
};

}  // namespace revoked::net
