#pragma once
// A gateway's HTTP client to the engine: asks for decisions, reads missing ranges, follows the feed stream.
// Lives on one io_context (concurrency hint 1). Every call has a deadline. Questions share a bounded number
// of kept connections, several in a row on each, and take turns by whom they are for; a page has a connection
// of its own.

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "cache/wire/asio.hpp"
#include "cache/edge/fair_queue.hpp"
#include "cache/bus/message.hpp"
#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"

namespace revoked::cache {

// http://host[:port]
struct EngineAddress {
  std::string host;
  std::uint16_t port = 7385;
};
engine::result<EngineAddress> parse_engine_url(std::string_view url);

// Of an address as text: an IPv4 address, or the /64 of an IPv6 address. 0 if it is none.
Peer peer_of(std::string_view address);

class EngineClient {
 public:
  struct Options {
    EngineAddress address;
    std::string credential;  // sent as a Bearer token
    std::size_t max_connections = 16;
    std::size_t max_waiting = 4096;  // questions not put yet; more: errc::overloaded for who has the most
    std::chrono::milliseconds question_timeout{1000};  // from asking to the answer, waiting included
    std::chrono::milliseconds page_timeout{5000};
  };

  // Throws std::invalid_argument if the credential has control characters in it.
  EngineClient(asio::io_context& io, Options options);
  ~EngineClient();

  // Who asks, if anybody in particular.
  struct Asker {
    Peer peer = 0;                                  // takes turns with the others: peer_of()
    std::shared_ptr<const std::atomic<bool>> left;  // true: nobody waits for the answer any more
    // Another question about the same secret has been answered since: is this one, too? Then it is not put,
    // and `done` not called.
    std::function<bool()> answered;
  };

  using DecisionHandler = std::function<void(const engine::result<Decision>&)>;
  // From any thread; `done` runs on the io_context's thread, exactly once, unless the client is stopped first
  // (then with errc::not_ready). `digest` is the SHA-256 of the secret: an answer that is not about it is
  // errc::malformed.
  //
  // One question is in flight for one secret. Who asks before it is put shares its answer; who asks later
  // waits for it and has another one put, since a question holds for the time before it was put only.
  void ask(const engine::Digest& digest, std::string_view secret, DecisionHandler done, Asker asker);
  void ask(const engine::Digest& digest, std::string_view secret, DecisionHandler done) {
    ask(digest, secret, std::move(done), {});
  }

  // The rest: on the io_context's thread only.

  struct PageAnswer {
    bool gone = false;  // 410: the range is not there; the page says where the engine is, and has no messages
    Page page;
  };
  // GET /v1/invalidations?after=E-S&journal=…&limit=N. With no position: where the engine is, and no
  // messages.
  using PageHandler = std::function<void(const engine::result<PageAnswer>&)>;
  void read_page(std::optional<Position> after, std::string_view journal, PageHandler done);

  // Follows the SSE stream until stop_stream(); reconnects with backoff and jitter. `position` is asked at
  // each (re)connection for the Last-Event-ID, with the journal id of its epoch. `on_gone` is a 410 at
  // connection. `on_state` tells each change once. Handlers may stop the stream.
  struct StreamHandlers {
    std::function<std::optional<Position>()> position;
    std::function<void(std::string_view message_json)> on_message;
    std::function<void(const Page& engine_now)> on_gone;
    std::function<void(bool connected, std::string_view reason)> on_state;
    std::function<std::string()> journal{};  // empty: none is sent
  };
  void start_stream(StreamHandlers handlers);
  void stop_stream();

  void stop();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace revoked::cache
