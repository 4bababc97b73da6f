#pragma once
// Follows the engine's feed as Server-Sent Events until stopped: connects, reads, reconnects with backoff. A
// stream that is silent is a dead one, because the engine sends a heartbeat every second. One thread.

#include <memory>
#include <string>

#include "cache/wire/endpoint.hpp"
#include "cache/edge/engine_client.hpp"

namespace revoked::cache {

class FeedStream {
 public:
  // `head` is the start of a request, from "Host:" to "Authorization:", each line with its end.
  FeedStream(asio::io_context& io, std::shared_ptr<NameLookup> names, std::string head,
             EngineClient::StreamHandlers handlers);
  ~FeedStream();  // no handler is called any more

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace revoked::cache
