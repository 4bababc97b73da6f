#pragma once
// The next request of a connection: finds it in what has been received, or reads its body in pieces. Belongs
// to the connection's session.

#include <optional>
#include <string>
#include <string_view>

#include "net/http/body_reader.hpp"
#include "net/http/request.hpp"
#include "net/http/server_limits.hpp"

namespace revoked::net {

class IncomingRequest {
 public:
  explicit IncomingRequest(Connection& connection);
  IncomingRequest(const IncomingRequest&) = delete;
  IncomingRequest& operator=(const IncomingRequest&) = delete;

  enum class Found {
    whole,       // the request, unless its body is ignored
    incomplete,  // more must arrive
    in_pieces,   // its body must be read: read_body()
    refused,     // the output has the error; where the next request begins is unknown
  };
  // Looks for the next request in what has been received.
  Found find();
  // After `in_pieces`: reads the body, unless the handler does that.
  Task<BodyReader::Got> read_body();
  // After read_body(), unless the connection is closed: `whole` or `refused`.
  Found end_body(BodyReader::Got got);

  // Valid until finish().
  Request& request() { return request_; }
  // For the handler that reads the body itself; null: the body is in the request.
  BodyReader* streamed_body() { return is_streamed_ ? &*body_reader_ : nullptr; }
  // It has a body that is not read: nothing after it is.
  bool is_body_ignored() const { return is_body_ignored_; }

  // The request has been answered: removes it from what has been received.
  void finish();

 private:
  bool has_news(std::string_view data);
  Found find_body(std::size_t arrived_bytes);
  Found refuse(unsigned status, std::string_view reason);
  bool has_body() const { return request_.is_chunked || request_.content_length > 0; }
  bool takes_body();
  void keep_head();

  Connection& connection_;
  const ServerLimits& limits_;
  Request request_;
  std::size_t head_size_ = 0;
  std::size_t looked_at_ = 0;     // no whole head ends within these bytes
  std::size_t awaited_size_ = 0;  // of the request, once its head is complete and its body is not
  bool is_body_ignored_ = false;

  // Of a request whose body is read in pieces.
  std::string head_;
  std::string body_;
  std::optional<BodyReader> body_reader_;
  bool is_streamed_ = false;  // to the handler
};

}  // namespace revoked::net
