#pragma once
// Follows the engine's feed as Server-Sent Events until stopped: connects, reads, reconnects with backoff. A
// silent stream is treated as dead, because the engine sends a heartbeat every second. One thread.

#include <memory>
#include <string>

#include "cache/edge/engine_client.hpp"
#include "cache/wire/http_origin.hpp"

namespace revoked::cache {

class FeedStream {
 public:
  // `head` is the first header lines of a request, from "Host:" to "Authorization:", each with its line end.
  FeedStream(asio::io_context& io, std::shared_ptr<HttpOrigin> origin, std::string head,
             EngineClient::StreamHandlers handlers);
  ~FeedStream();  // no handler is called afterwards

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace revoked::cache
