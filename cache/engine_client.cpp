#include "cache/engine_client.hpp"

#include <simdjson.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <cstring>
#include <deque>
#include <stdexcept>
#include <unordered_map>
#include <vector>

#include "cache/endpoint.hpp"
#include "cache/feed_stream.hpp"
#include "cache/http_connection.hpp"
#include "cache/json_writer.hpp"

namespace revoked::cache {

using engine::errc;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t max_decision_bytes = 64 << 10;
constexpr std::size_t max_page_bytes = 64 << 20;
constexpr std::size_t page_limit = 1000;  // messages
constexpr auto idle_timeout = 30s;        // then an unused connection is closed
constexpr std::size_t shares_per_waiting =
    16;  // bounds those who share answers, together, by so many times max_waiting

// A request and whom to tell; `done` is called exactly once and empty from then on.
struct Call {
  std::shared_ptr<const std::string> request;
  std::size_t body_limit = 0;
  Clock::time_point deadline;
  std::function<void(const engine::result<HttpResponse>&)> done;
  bool in_step = true;  // false: what came was the answer to another request

  void finish(const engine::result<HttpResponse>& result) {
    if (const auto tell = std::exchange(done, nullptr)) tell(result);
  }
};

// Serves calls one after the other on one connection.
struct Worker {
  explicit Worker(asio::io_context& io) : wake(io) {}
  Timer wake;
  std::shared_ptr<Call> call;  // the one being served, or to be served next
  std::shared_ptr<HttpConnection> connection;
};

struct DigestHash {
  // Digests are uniform already.
  std::size_t operator()(const engine::Digest& digest) const {
    std::size_t hash = 0;
    std::memcpy(&hash, digest.data(), sizeof hash);
    return hash;
  }
};

errc error_of_status(unsigned status) {
  switch (status) {
    case 401:
    case 403:
      return errc::refused;
    case 429:
      return errc::overloaded;
    case 400:
    case 413:
    case 422:
      return errc::malformed;
    default:
      return errc::unavailable;
  }
}

std::string request_head(const EngineClient::Options& options) {
  const auto& credential = options.credential;
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(credential.begin(), credential.end(), is_control))
    throw std::invalid_argument("the credential for the engine has a control character in it");
  return "Host: " + format_endpoint(options.address.host, options.address.port) +
         "\r\nAuthorization: Bearer " + credential + "\r\nUser-Agent: revoked-gateway\r\n";
}

}  // namespace

engine::result<EngineAddress> parse_engine_url(std::string_view url) {
  constexpr std::string_view scheme = "http://";
  if (!url.starts_with(scheme)) return errc::malformed;
  url.remove_prefix(scheme.size());
  if (url.ends_with('/')) url.remove_suffix(1);
  EngineAddress address;
  if (!parse_endpoint(url, address.host, address.port)) return errc::malformed;
  return address;
}

struct EngineClient::Impl {
  Impl(asio::io_context& io_, Options options_)
      : io(io_),
        options(std::move(options_)),
        head(request_head(options)),
        names(std::make_shared<NameLookup>(io, options.address.host, options.address.port)),
        queue_timer(io) {}

  // ---- calls and the workers that serve them

  static void serve(const std::shared_ptr<Impl>& self, std::shared_ptr<Call> call, bool urgent);
  static Task<> work(std::shared_ptr<Impl> self, std::shared_ptr<Worker> worker);
  static Task<engine::result<HttpResponse>> perform(std::shared_ptr<Impl> self,
                                                    std::shared_ptr<Worker> worker,
                                                    std::shared_ptr<Call> call);
  static void watch_queue(const std::shared_ptr<Impl>& self);
  std::shared_ptr<Call> take();
  void stop();

  // ---- questions

  static void ask(const std::shared_ptr<Impl>& self, const engine::Digest& digest, std::string_view secret,
                  DecisionHandler done);
  // Whether the response was an answer to this question.
  bool answer(const engine::Digest& digest, const engine::result<HttpResponse>& response);

  asio::io_context& io;
  const Options options;
  const std::string head;
  std::shared_ptr<NameLookup> names;

  std::deque<std::shared_ptr<Call>> queue;  // urgent ones first, the others by deadline
  Timer queue_timer;
  bool queue_is_watched = false;
  std::vector<std::shared_ptr<Worker>> workers;
  std::vector<Worker*> idle;  // the one used last is at the end: few connections stay warm
  std::unordered_map<engine::Digest, std::vector<DecisionHandler>, DigestHash> questions;
  std::size_t askers = 0;  // in all questions together
  std::unique_ptr<FeedStream> stream;
  bool stopped = false;
};

void EngineClient::Impl::serve(const std::shared_ptr<Impl>& self, std::shared_ptr<Call> call, bool urgent) {
  if (!self->idle.empty()) {
    Worker* const worker = self->idle.back();
    self->idle.pop_back();
    worker->call = std::move(call);
    worker->wake.cancel();
  } else if (self->workers.size() < self->options.max_connections) {
    auto worker = std::make_shared<Worker>(self->io);
    worker->call = std::move(call);
    self->workers.push_back(worker);
    asio::co_spawn(self->io.get_executor(), work(self, std::move(worker)), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
  } else {
    if (urgent)
      self->queue.push_front(std::move(call));
    else
      self->queue.push_back(std::move(call));
    watch_queue(self);
  }
}

std::shared_ptr<Call> EngineClient::Impl::take() {
  if (queue.empty()) return nullptr;
  auto call = std::move(queue.front());
  queue.pop_front();
  return call;
}

// Calls that no worker takes in time fail in time.
void EngineClient::Impl::watch_queue(const std::shared_ptr<Impl>& self) {
  if (self->queue_is_watched || self->queue.empty()) return;
  self->queue_is_watched = true;
  const auto by_deadline = [](const auto& a, const auto& b) { return a->deadline < b->deadline; };
  const auto first = *std::min_element(self->queue.begin(), self->queue.end(), by_deadline);
  self->queue_timer.expires_at(first->deadline);
  self->queue_timer.async_wait([self](error_code) {
    self->queue_is_watched = false;
    std::vector<std::shared_ptr<Call>> late;
    std::erase_if(self->queue, [&late, now = Clock::now()](const auto& call) {
      if (call->deadline > now) return false;
      late.push_back(call);
      return true;
    });
    for (const auto& call : late) call->finish(errc::timed_out);
    watch_queue(self);
  });
}

Task<> EngineClient::Impl::work(std::shared_ptr<Impl> self, std::shared_ptr<Worker> worker) {
  while (!self->stopped) {
    if (!worker->call) worker->call = self->take();
    if (!worker->call) {
      self->idle.push_back(worker.get());
      worker->wake.expires_after(idle_timeout);
      [[maybe_unused]] auto [cancelled] = co_await worker->wake.async_wait(as_result);
      std::erase(self->idle, worker.get());
      if (!worker->call) break;
      continue;
    }
    const auto call = worker->call;
    const auto response = co_await perform(self, worker, call);
    worker->call = nullptr;
    call->finish(response);
    if (!call->in_step && worker->connection) worker->connection->close();
  }
  if (worker->connection) worker->connection->close();
  std::erase(self->workers, worker);
}

// The engine may have closed a kept connection just before we used it. Everything we ask may be asked twice,
// so it is asked again, once, on a fresh one.
Task<engine::result<HttpResponse>> EngineClient::Impl::perform(std::shared_ptr<Impl> self,
                                                               std::shared_ptr<Worker> worker,
                                                               std::shared_ptr<Call> call) {
  if (Clock::now() >= call->deadline) co_return errc::timed_out;
  if (worker->connection && worker->connection->is_reusable()) {
    const auto response = co_await HttpConnection::exchange(worker->connection, call->request,
                                                            call->body_limit, call->deadline);
    const bool was_closed = response.has_error() && response.error() == errc::unavailable;
    if (!was_closed || !worker->connection->heard_nothing() || self->stopped) co_return response;
  }
  worker->connection = std::make_shared<HttpConnection>(self->io);
  const auto connected = co_await HttpConnection::connect(worker->connection, self->names, call->deadline);
  if (connected.has_error()) co_return connected.error();
  co_return co_await HttpConnection::exchange(worker->connection, call->request, call->body_limit,
                                              call->deadline);
}

// Everyone who waits is told now; the coroutines end when the io_context runs on.
void EngineClient::Impl::stop() {
  if (stopped) return;
  stopped = true;
  stream.reset();
  queue_timer.cancel();
  std::vector<std::shared_ptr<Call>> calls(queue.begin(), queue.end());
  queue.clear();
  idle.clear();
  for (const auto& worker : workers) {
    if (worker->call) calls.push_back(worker->call);
    worker->wake.cancel();
    if (worker->connection) worker->connection->close();
  }
  for (const auto& call : calls) call->finish(errc::not_ready);
}

void EngineClient::Impl::ask(const std::shared_ptr<Impl>& self, const engine::Digest& digest,
                             std::string_view secret, DecisionHandler done) {
  if (self->stopped) return done(errc::not_ready);
  // No key has such a secret, and JSON cannot carry it.
  if (!simdjson::validate_utf8(secret.data(), secret.size())) return done(Decision{});
  const auto running = self->questions.find(digest);
  const bool is_new = running == self->questions.end();
  const bool must_wait = self->idle.empty() && self->workers.size() >= self->options.max_connections;
  if (self->askers >= shares_per_waiting * self->options.max_waiting ||
      (is_new && must_wait && self->queue.size() >= self->options.max_waiting))
    return done(errc::overloaded);
  ++self->askers;
  if (!is_new) return running->second.push_back(std::move(done));
  self->questions[digest].push_back(std::move(done));

  std::string body = "{\"secret\":";
  append_json_string(body, secret);
  body += '}';
  auto call = std::make_shared<Call>();
  call->request = std::make_shared<const std::string>(
      "POST /v1/keys/verify?echo=secret_sha256 HTTP/1.1\r\n" + self->head +
      "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  call->body_limit = max_decision_bytes;
  call->deadline = Clock::now() + self->options.question_timeout;
  // Whoever finishes a call holds the Impl.
  call->done = [raw = self.get(), digest, call = std::weak_ptr(call)](const auto& response) {
    if (const auto held = call.lock()) held->in_step = raw->answer(digest, response);
  };
  serve(self, std::move(call), false);
}

bool EngineClient::Impl::answer(const engine::Digest& digest, const engine::result<HttpResponse>& response) {
  auto question = questions.extract(digest);
  if (question.empty()) return true;
  askers -= question.mapped().size();
  engine::result<Decision> decision = errc::unavailable;
  if (response.has_error())
    decision = response.error();
  else if (response->status == 200)
    decision = decode_decision(response->body, digest);
  else
    decision = error_of_status(response->status);
  for (const auto& done : question.mapped()) done(decision);
  return decision.has_value() || decision.error() != errc::malformed;
}

// ---- the outside

EngineClient::EngineClient(asio::io_context& io, Options options)
    : impl_(std::make_shared<Impl>(io, std::move(options))) {}

EngineClient::~EngineClient() { stop(); }

void EngineClient::ask(const engine::Digest& digest, std::string_view secret, DecisionHandler done) {
  asio::dispatch(impl_->io,
                 [impl = impl_, digest, text = std::string(secret), done = std::move(done)]() mutable {
                   Impl::ask(impl, digest, text, std::move(done));
                 });
}

void EngineClient::read_page(std::optional<Position> after, std::string_view journal, PageHandler done) {
  if (impl_->stopped) return done(errc::not_ready);
  std::string request = "GET /v1/invalidations?";
  if (after) {
    request += "after=";
    append_position(request, *after);
    if (!journal.empty()) request.append("&journal=").append(journal);
    request += '&';
  }
  request += "limit=" + std::to_string(page_limit) + " HTTP/1.1\r\n" + impl_->head +
             "Accept: application/json\r\n\r\n";
  auto call = std::make_shared<Call>();
  call->request = std::make_shared<const std::string>(std::move(request));
  call->body_limit = max_page_bytes;
  call->deadline = Clock::now() + impl_->options.page_timeout;
  call->done = [done = std::move(done)](const engine::result<HttpResponse>& response) {
    if (response.has_error()) return done(response.error());
    PageAnswer answer;
    if (response->status == 200) {
      auto page = decode_page(response->body);
      if (page.has_error()) return done(page.error());
      answer.page = std::move(*page);
    } else if (response->status == 410) {
      auto page = decode_gone(response->body);
      if (page.has_error()) return done(page.error());
      answer.gone = true;
      answer.page = std::move(*page);
    } else {
      return done(error_of_status(response->status));
    }
    done(std::move(answer));
  };
  Impl::serve(impl_, std::move(call), true);
}

void EngineClient::start_stream(StreamHandlers handlers) {
  if (impl_->stopped) return;
  impl_->stream = std::make_unique<FeedStream>(impl_->io, impl_->names, impl_->head, std::move(handlers));
}

void EngineClient::stop_stream() { impl_->stream.reset(); }
void EngineClient::stop() { impl_->stop(); }

}  // namespace revoked::cache
