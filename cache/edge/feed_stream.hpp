#pragma once
// Follows the engine's feed as Server-Sent Events until stopped: connects, reads, reconnects with backoff, or
// to another engine at once. A silent stream is treated as dead, because the engine sends a heartbeat every
// second. One thread.

#include <memory>
#include <string>

#include "cache/edge/engine_choice.hpp"
#include "cache/edge/engine_client.hpp"

namespace revoked::cache {

class FeedStream {
 public:
  struct Timeouts {
    std::chrono::milliseconds open;     // from connecting to the response head
    std::chrono::milliseconds silence;  // between two chunks of the body
  };
  // `head`: the header lines of a request after "Host:", each with its line end.
  FeedStream(asio::io_context& io, std::shared_ptr<EngineChoice> engines, std::string head,
             const Timeouts& timeouts, EngineClient::StreamHandlers handlers);
  ~FeedStream();  // no handler is called afterwards

  void on_engine_changed();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace revoked::cache
