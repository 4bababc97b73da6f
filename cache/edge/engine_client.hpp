#pragma once
// A gateway's HTTP client to the engine: asks for decisions, reads missing ranges, follows the feed stream.
// Runs on one io_context (concurrency hint 1). Every call has a deadline. Questions are pipelined on a
// bounded number of kept connections and served round-robin by peer; a page has a connection of its own.
//
// Of several engines one is in use (engine_choice.hpp), for everything. When it fails the next one is, and
// what is under way at the old one fails, except that questions are asked there.

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cache/bus/decision.hpp"
#include "cache/bus/message.hpp"
#include "cache/edge/fair_queue.hpp"
#include "cache/wire/asio.hpp"
#include "cache/wire/endpoint.hpp"
#include "cache/wire/tls.hpp"
#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"

namespace revoked::cache {

// The peer of an address as text: an IPv4 address, or the /64 of an IPv6 address. 0 if it is neither.
Peer peer_of(std::string_view address);

class EngineChoice;
class FeedStream;
class OpenQuestions;
class PageFetches;
class QuestionSender;
class ReportSender;

class EngineClient {
 public:
  struct Options {
    std::vector<HttpAddress> addresses;  // one, or several that share a journal; the first is used first
    std::string credential;              // sent as a Bearer token
    TlsClientOptions tls{};              // of encrypted addresses
    std::size_t max_connections = 16;
    std::size_t max_waiting = 4096;  // unsent questions; beyond: errc::overloaded for the peer with most
    std::chrono::milliseconds question_timeout{1000};  // from ask() to the answer, queueing included
    std::chrono::milliseconds page_timeout{5000};
    std::chrono::milliseconds stream_open_timeout{3000};     // from connecting to the response head
    std::chrono::milliseconds stream_silence_timeout{5000};  // the engine sends a heartbeat every second
    std::chrono::milliseconds longest_pause{500};            // after a round in which all engines failed
    std::function<void(std::string_view reason)> on_engine_changed{};
    std::chrono::milliseconds report_timeout{1000};
    std::function<void(boost::system::error_code error)> on_reported{};  // after each report
    std::chrono::milliseconds usage_timeout{5000};
    std::function<void(boost::system::error_code error)> on_usage_reported{};  // after each report of usage
  };

  // At least one address. Throws std::invalid_argument if the credential contains control characters,
  // std::runtime_error if a file of the TLS options cannot be used.
  EngineClient(asio::io_context& io, const Options& options);
  ~EngineClient();

  // The client for which a question is asked, if known.
  struct Asker {
    Peer peer = 0;                                  // for round-robin: peer_of()
    std::shared_ptr<const std::atomic<bool>> left;  // true: the client has left
    // Called when another question about the same secret has been answered: true if that answers this one
    // too; then it is not sent, and `done` is not called.
    std::function<bool()> answered;
    std::string traceparent{};  // W3C Trace Context, sent along with the question of the first of its askers
  };

  using DecisionHandler = std::function<void(const engine::result<Decision>&)>;
  // From any thread; `done` runs on the io_context's thread, exactly once, unless the client is stopped first
  // (then with errc::not_ready). `digest` is the SHA-256 of the secret: an answer about another secret is
  // errc::malformed.
  //
  // At most one question per secret is in flight. Callers before it is sent share its answer; later callers
  // wait and another question is sent for them, since an answer covers only the time before it was sent.
  void ask(const engine::Digest& digest, std::string_view secret, DecisionHandler done, Asker asker);
  void ask(const engine::Digest& digest, std::string_view secret, DecisionHandler done) {
    ask(digest, secret, std::move(done), {});
  }

  // The rest on the io_context's thread only.

  // The engine in use, as http://host:port or https://host:port.
  const std::string& engine() const;
  // The engine in use is behind another: the next one is used, if there is one.
  void leave_engine(std::string_view reason);

  struct PageAnswer {
    bool gone = false;  // 410: the range is unavailable; the page has the engine's position, no messages
    Page page;
  };
  // GET /v1/invalidations?after=E-S&journal=…&limit=N. Without a position: the engine's position, no
  // messages.
  using PageHandler = std::function<void(const engine::result<PageAnswer>&)>;
  void read_page(std::optional<Position> after, std::string_view journal, PageHandler done);

  // Follows the SSE stream until stop_stream(); reconnects with backoff and jitter. At each (re)connection
  // `position` gives the Last-Event-ID and `journal` the journal id of its epoch. `on_gone` is called for a
  // 410 at connection, `on_state` once per change. Handlers may stop the stream.
  struct StreamHandlers {
    std::function<std::optional<Position>()> position;
    std::function<void(std::string_view message_json)> on_message;
    std::function<void(const Page& engine_now)> on_gone;
    std::function<void(bool connected, std::string_view reason)> on_state;
    std::function<std::string()> journal{};  // empty: not sent
  };
  void start_stream(StreamHandlers handlers);
  void stop_stream();

  // POST /v1/gateways/report. A report that cannot be sent before a later one is dropped.
  void report(std::string json);
  // The same for usage (cache/bus/usage.hpp). The caller waits for each result.
  void report_usage(std::string json);
  bool has_reported() const;  // no report is under way

  void stop();

 private:
  void on_engine_changed(std::string_view reason);

  asio::io_context& io_;
  const Options options_;
  const std::string head_;  // the header lines of a request after "Host:"
  const std::shared_ptr<EngineChoice> engines_;
  const std::shared_ptr<OpenQuestions> questions_;
  const std::shared_ptr<QuestionSender> sender_;
  const std::shared_ptr<PageFetches> pages_;
  const std::shared_ptr<ReportSender> reports_;
  const std::shared_ptr<ReportSender> usage_;
  std::unique_ptr<FeedStream> stream_;
  bool stopped_ = false;
};

}  // namespace revoked::cache
