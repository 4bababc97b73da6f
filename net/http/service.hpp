#pragma once
// What a server serves: the boundary between HTTP and application logic. Handlers know no sockets.

#include <memory>
#include <optional>
#include <span>

#include "cache/wire/asio.hpp"
#include "net/http/body_reader.hpp"
#include "net/http/connection.hpp"
#include "net/http/durability.hpp"
#include "net/http/request.hpp"
#include "net/http/request_counts.hpp"
#include "net/http/response.hpp"

namespace revoked::net {

struct Exchange {
  const Request& request;
  Response& response;
  Connection& connection;
  BodyReader* body = nullptr;  // of a route that reads the body itself; else the body is in the request
};

// What remains to be done when a handler returns.
struct Outcome {
  // The response must not be sent before everything up to here is synced. 0: send at once.
  Durability::Sequence durable_after = 0;
  // The handler continues as a coroutine. Request, response and connection stay valid until it ends; it may
  // send the connection's output itself.
  std::optional<cache::Task<>> rest;
};

class Service {
 public:
  virtual ~Service() = default;
  // What the service keeps for each network thread: used on that thread only, and destroyed after it has
  // ended, before its io_context.
  class ThreadState {
   public:
    virtual ~ThreadState() = default;
  };
  // On the thread that makes the server. Null: nothing.
  virtual std::unique_ptr<ThreadState> new_thread_state(cache::asio::io_context&) { return {}; }
  // Those that its responses name: see Response::answers(). Constant.
  virtual std::span<const RouteName> route_names() const { return {}; }
  // Called once for each request, before handle().
  virtual void prepare(Request&) const {}
  // Whether the handler of this request reads the body itself, piece by piece, in its `rest`. Only the head
  // has arrived. If the handler leaves some of the body unread, the connection ends.
  virtual bool takes_body(const Request&) const { return false; }
  // Whether this request is answered from its head alone, without waiting for the announced body. The start
  // of the next request is then unknown, so the connection is closed after the response.
  virtual bool ignores_body(const Request&) const { return false; }
  // On the connection's thread; must not block. Sends exactly one response, here or in `rest`.
  virtual Outcome handle(Exchange& exchange) = 0;
};

}  // namespace revoked::net
