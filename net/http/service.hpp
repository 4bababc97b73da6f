#pragma once
// What a server serves: the boundary between HTTP and meaning. Handlers know no sockets.

#include <optional>

#include "cache/wire/asio.hpp"
#include "net/http/body_reader.hpp"
#include "net/http/connection.hpp"
#include "net/http/durability.hpp"
#include "net/http/request.hpp"
#include "net/http/response.hpp"

namespace revoked::net {

struct Exchange {
  const Request& request;
  Response& response;
  Connection& connection;
  BodyReader* body = nullptr;  // of a route that takes the body itself; else the body is in the request
};

// What remains to be done when a handler returns.
struct Outcome {
  // The answer must not leave before everything up to here is synced. 0: it may go at once.
  Durability::Sequence durable_after = 0;
  // The handler goes on as a coroutine. Request, response and connection stay as they are until it ends; it
  // may send the connection's output itself.
  std::optional<cache::Task<>> rest;
};

class Service {
 public:
  virtual ~Service() = default;
  // Whether the handler of this request reads the body itself, piece by piece, in its `rest`. Only the head
  // is there yet. A handler that leaves some of it unread ends the connection.
  virtual bool takes_body(const Request&) const { return false; }
  // Whether this request is answered from its head alone: the body that it announces is not waited for, and
  // since nobody knows then where the next request begins, or whether there is a body at all, the connection
  // ends behind the answer.
  virtual bool ignores_body(const Request&) const { return false; }
  // On the connection's thread; must not block. Sends exactly one response, here or in `rest`.
  virtual Outcome handle(Exchange& exchange) = 0;
};

}  // namespace revoked::net
