#include "cache/edge/engine_client.hpp"

#include <simdjson.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <iterator>
#include <stdexcept>
#include <unordered_map>
#include <vector>

#include "cache/edge/feed_stream.hpp"
#include "cache/edge/question_pace.hpp"
#include "cache/wire/endpoint.hpp"
#include "cache/wire/http_connection.hpp"
#include "engine/base/keyed_hash.hpp"
#include "engine/model/json_writer.hpp"

namespace revoked::cache {

using engine::errc;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t max_decision_bytes = 64 << 10;
constexpr std::size_t max_page_bytes = engine::max_page_bytes + engine::max_page_frame_bytes;
constexpr std::size_t page_limit = 1000;  // messages
constexpr std::size_t max_fetches = 4;    // pages read at once
constexpr auto idle_timeout = 30s;        // after which an unused connection is closed
// Limit of pipelined questions: less than the socket buffers, so that neither side blocks on the other.
constexpr std::size_t max_row_bytes = 48 << 10;
constexpr int overdue_looks = 20;               // checks for overdue questions per question_timeout
constexpr std::size_t shares_per_waiting = 16;  // limits all waiting callers to this multiple of max_waiting

// One caller that waits for an answer.
struct Waiting {
  EngineClient::DecisionHandler done;
  EngineClient::Asker asker;
  Clock::time_point deadline;

  bool has_left() const { return asker.left && asker.left->load(std::memory_order_relaxed); }
};

struct Question {
  engine::Digest digest;
  std::shared_ptr<const std::string> request;
  std::vector<Waiting> askers;
  std::vector<Waiting> late;  // callers after it was sent
  bool has_waited = false;    // it had to queue for a worker
  bool is_put = false;
  bool is_over = false;

  // A peer that closed its sending side may still wait for a response, so `left` counts only for queued
  // questions.
  bool is_wanted() const {
    const auto waits = [this](const Waiting& waiting) { return !has_waited || !waiting.has_left(); };
    return std::any_of(askers.begin(), askers.end(), waits);
  }
  Clock::time_point deadline() const {
    Clock::time_point latest{};
    for (const auto& waiting : askers) latest = std::max(latest, waiting.deadline);
    return latest;
  }
};
using QuestionPointer = std::shared_ptr<Question>;

// Sends questions on one connection, pipelined.
struct Worker {
  explicit Worker(asio::io_context& io) : wake(io) {}
  Timer wake;
  std::deque<QuestionPointer> row;  // sent, or to be sent next
  std::shared_ptr<HttpConnection> connection;
};

// A page request in flight.
struct Fetch {
  std::shared_ptr<const std::string> request;
  Clock::time_point deadline;
  std::function<void(const engine::result<HttpResponse>&)> done;  // called once, then empty
  std::shared_ptr<HttpConnection> connection;

  void finish(const engine::result<HttpResponse>& result) {
    if (const auto tell = std::exchange(done, nullptr)) tell(result);
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
    throw std::invalid_argument("the credential for the engine contains a control character");
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

Peer peer_of(std::string_view address) {
  error_code error;
  auto parsed = asio::ip::make_address(address, error);
  if (error) return 0;
  if (parsed.is_v6() && parsed.to_v6().is_v4_mapped())
    parsed = asio::ip::make_address_v4(asio::ip::v4_mapped, parsed.to_v6());
  if (parsed.is_v4()) return parsed.to_v4().to_uint();
  const auto bytes = parsed.to_v6().to_bytes();
  Peer peer = 0;
  for (int i = 0; i < 8; ++i) peer = peer << 8 | bytes[static_cast<std::size_t>(i)];
  return peer;
}

struct EngineClient::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::io_context& io_, Options options_)
      : io(io_),
        options(std::move(options_)),
        head(request_head(options)),
        names(std::make_shared<NameLookup>(io, options.address.host, options.address.port)),
        queue(options.max_waiting),
        pace(options.question_timeout),
        clock(io) {}

  // ---- questions

  void ask(const engine::Digest& digest, std::string_view secret, DecisionHandler done, Asker asker);
  std::shared_ptr<const std::string> format(std::string_view secret) const;
  void enqueue(const QuestionPointer& question);
  bool answer(const QuestionPointer& question, const engine::result<HttpResponse>& response);
  void close(const QuestionPointer& question);
  void finish(const QuestionPointer& question, const engine::result<Decision>& decision);
  void go_on(const QuestionPointer& question, std::vector<Waiting> late);
  void watch();
  void give_up_overdue();

  // ---- workers

  void dispatch();
  std::deque<QuestionPointer> take_row();
  void reject_unsent(errc error);
  static Task<> work(std::shared_ptr<Impl> self, std::shared_ptr<Worker> worker);
  static Task<> put_row(std::shared_ptr<Impl> self, std::shared_ptr<Worker> worker);
  static Task<error_code> exchange_row(std::shared_ptr<Impl> self, std::shared_ptr<Worker> worker,
                                       Clock::time_point deadline);

  static Task<> fetch(std::shared_ptr<Impl> self, std::shared_ptr<Fetch> fetch);
  void stop();

  asio::io_context& io;
  const Options options;
  const std::string head;
  std::shared_ptr<NameLookup> names;

  std::unordered_map<engine::Digest, QuestionPointer, engine::KeyedHash> questions;  // open ones only
  std::size_t askers = 0;                                                            // in all of them
  FairQueue<QuestionPointer> queue;    // not given to a worker yet
  std::vector<QuestionPointer> unput;  // over, callers not called yet
  QuestionPace pace;
  Timer clock;
  bool clock_runs = false;
  std::vector<std::shared_ptr<Worker>> workers;
  std::vector<Worker*> idle;  // last used at the end, so that few connections are used
  std::vector<std::shared_ptr<Fetch>> fetches;
  std::unique_ptr<FeedStream> stream;
  bool stopped = false;
};

// ---- questions

std::shared_ptr<const std::string> EngineClient::Impl::format(std::string_view secret) const {
  std::string body = "{\"secret\":";
  engine::append_json_string(body, secret);
  body += '}';
  return std::make_shared<const std::string>(
      "POST /v1/keys/verify?echo=secret_sha256 HTTP/1.1\r\n" + head +
      "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

void EngineClient::Impl::ask(const engine::Digest& digest, std::string_view secret, DecisionHandler done,
                             Asker asker) {
  if (stopped) return done(errc::not_ready);
  // Not the secret of any key, and not representable in JSON.
  if (!simdjson::validate_utf8(secret.data(), secret.size())) return done(Decision{});
  if (askers >= shares_per_waiting * options.max_waiting) return done(errc::overloaded);
  ++askers;
  Waiting waiting{std::move(done), std::move(asker), Clock::now() + options.question_timeout};
  auto& open = questions[digest];
  if (open) {
    (open->is_put ? open->late : open->askers).push_back(std::move(waiting));
    return;
  }
  open = std::make_shared<Question>();
  open->digest = digest;
  open->request = format(secret);
  open->askers.push_back(std::move(waiting));
  enqueue(QuestionPointer(open));
}

void EngineClient::Impl::enqueue(const QuestionPointer& question) {
  // A free worker takes it at once, so only questions that must queue count as waiting.
  const auto lost = queue.push(question->askers.front().asker.peer, question);
  dispatch();
  question->has_waited = true;
  watch();
  if (lost && !(*lost)->is_over) finish(*lost, errc::overloaded);
}

// Whether the response answers this question.
bool EngineClient::Impl::answer(const QuestionPointer& question,
                                const engine::result<HttpResponse>& response) {
  if (question->is_over) return true;
  engine::result<Decision> decision = errc::unavailable;
  if (response.has_error())
    decision = response.error();
  else if (response->status == 200)
    decision = decode_decision(response->body, question->digest);
  else
    decision = error_of_status(response->status);
  finish(question, decision);
  return decision.has_value() || decision.error() != errc::malformed;
}

// No further caller can join it.
void EngineClient::Impl::close(const QuestionPointer& question) {
  if (!std::exchange(question->is_over, true)) questions.erase(question->digest);
}

void EngineClient::Impl::finish(const QuestionPointer& question, const engine::result<Decision>& decision) {
  close(question);
  const auto askers_of_it = std::exchange(question->askers, {});
  auto late = std::exchange(question->late, {});
  askers -= askers_of_it.size();
  for (const auto& waiting : askers_of_it) waiting.done(decision);
  if (!late.empty()) go_on(question, std::move(late));
}

// Continues with the callers that came after the question was sent.
void EngineClient::Impl::go_on(const QuestionPointer& question, std::vector<Waiting> late) {
  std::vector<Waiting> left;
  for (auto& waiting : late) {
    if (stopped) {
      --askers;
      waiting.done(errc::not_ready);
    } else if (waiting.asker.answered && waiting.asker.answered()) {
      --askers;
    } else {
      left.push_back(std::move(waiting));
    }
  }
  if (left.empty()) return;
  auto& open = questions[question->digest];
  if (open) {  // a caller just answered has asked again
    auto& others = open->is_put ? open->late : open->askers;
    std::move(left.begin(), left.end(), std::back_inserter(others));
    return;
  }
  open = std::make_shared<Question>();
  open->digest = question->digest;
  open->request = question->request;
  open->askers = std::move(left);
  enqueue(QuestionPointer(open));
}

void EngineClient::Impl::watch() {
  if (clock_runs || questions.empty() || stopped) return;
  clock_runs = true;
  clock.expires_after(options.question_timeout / overdue_looks);
  clock.async_wait([self = shared_from_this()](error_code) {
    self->clock_runs = false;
    if (self->stopped) return;
    self->give_up_overdue();
    self->watch();
  });
}

// Fails overdue callers, whatever the state of the question.
void EngineClient::Impl::give_up_overdue() {
  const auto now = Clock::now();
  std::vector<Waiting> overdue;
  for (auto& [digest, question] : questions) {
    for (auto* const waiting : {&question->askers, &question->late}) {
      const auto from = std::stable_partition(waiting->begin(), waiting->end(),
                                              [&](const Waiting& one) { return one.deadline > now; });
      std::move(from, waiting->end(), std::back_inserter(overdue));
      waiting->erase(from, waiting->end());
    }
  }
  queue.keep_if([&](const QuestionPointer& question) {
    if (!question->askers.empty()) return true;
    close(question);
    return false;
  });
  askers -= overdue.size();
  for (const auto& waiting : overdue) waiting.done(errc::timed_out);
}

// ---- the workers

void EngineClient::Impl::dispatch() {
  if (stopped || queue.size() == 0) return;
  if (!idle.empty()) {
    Worker* const worker = idle.back();
    idle.pop_back();
    worker->row = take_row();
    worker->wake.cancel();
  } else if (workers.size() < options.max_connections) {
    auto worker = std::make_shared<Worker>(io);
    worker->row = take_row();
    workers.push_back(worker);
    asio::co_spawn(io.get_executor(), work(shared_from_this(), std::move(worker)),
                   [](std::exception_ptr error) {
                     if (error) std::rethrow_exception(error);
                   });
  }
}

// The questions to send next, round-robin by peer; skips those whose callers have left or would time out.
std::deque<QuestionPointer> EngineClient::Impl::take_row() {
  std::deque<QuestionPointer> row;
  std::size_t bytes = 0;
  const auto latest = Clock::now() + pace.expected();
  while (row.size() < pace.in_row() && bytes < max_row_bytes) {
    auto question = queue.pop();
    if (!question) break;
    if ((*question)->is_over) continue;
    if (!(*question)->is_wanted() || (*question)->deadline() <= latest) {
      close(*question);
      unput.push_back(std::move(*question));
      continue;
    }
    bytes += (*question)->request->size();
    row.push_back(std::move(*question));
  }
  // Posted, because a callback may ask again.
  if (!unput.empty()) asio::post(io, [self = shared_from_this()] { self->reject_unsent(errc::timed_out); });
  return row;
}

void EngineClient::Impl::reject_unsent(errc error) {
  for (const auto& question : std::exchange(unput, {})) finish(question, error);
}

Task<> EngineClient::Impl::work(std::shared_ptr<Impl> self, std::shared_ptr<Worker> worker) {
  while (!self->stopped) {
    if (worker->row.empty()) worker->row = self->take_row();
    if (worker->row.empty()) {
      self->idle.push_back(worker.get());
      worker->wake.expires_after(idle_timeout);
      [[maybe_unused]] auto [cancelled] = co_await worker->wake.async_wait(as_result);
      std::erase(self->idle, worker.get());
      if (worker->row.empty()) break;
      continue;
    }
    co_await put_row(self, worker);
  }
  if (worker->connection) worker->connection->close();
  std::erase(self->workers, worker);
}

// The engine may have closed a kept connection just before we used it, or may close it after any response.
// All requests are idempotent, so the rest is sent again on a new connection.
Task<> EngineClient::Impl::put_row(std::shared_ptr<Impl> self, std::shared_ptr<Worker> worker) {
  auto& row = worker->row;
  while (!row.empty() && !self->stopped) {
    std::erase_if(row, [&](const auto& question) {
      if (question->askers.empty() && question->late.empty()) self->close(question);
      return question->is_over;
    });
    if (row.empty()) break;
    Clock::time_point deadline{};
    for (const auto& question : row) deadline = std::max(deadline, question->deadline());
    error_code failed;
    const bool is_kept = worker->connection && worker->connection->is_reusable();
    const auto count = row.size();
    if (Clock::now() >= deadline) failed = errc::timed_out;
    if (!failed && !is_kept) {
      worker->connection = std::make_shared<HttpConnection>(self->io);
      const auto connected = co_await HttpConnection::connect(worker->connection, self->names, deadline);
      if (connected.has_error()) failed = connected.error();
    }
    if (!failed) failed = co_await exchange_row(self, worker, deadline);
    if (row.empty() || self->stopped) break;
    const bool made_headway = row.size() < count;
    const bool was_closed = is_kept && failed == errc::unavailable && worker->connection->heard_nothing();
    if (made_headway || was_closed) continue;
    const auto unanswered = std::exchange(row, {});
    for (const auto& question : unanswered) self->answer(question, failed);
  }
  row.clear();
}

// Removes answered questions from the row.
Task<error_code> EngineClient::Impl::exchange_row(std::shared_ptr<Impl> self, std::shared_ptr<Worker> worker,
                                                  Clock::time_point deadline) {
  const auto connection = worker->connection;
  auto& row = worker->row;
  const auto count = row.size();
  const auto text = std::make_shared<std::string>();
  for (const auto& question : row) {
    text->append(*question->request);
    question->is_put = true;
  }
  const auto from = Clock::now();
  const std::shared_ptr<const std::string> requests = text;
  const auto sent = co_await HttpConnection::send(connection, requests, deadline);
  if (sent.has_error()) co_return sent.error();
  while (!row.empty()) {
    const auto response =
        co_await HttpConnection::receive(connection, row.size() == 1, max_decision_bytes, deadline);
    if (self->stopped) co_return errc::not_ready;
    const bool is_malformed = response.has_error() && response.error() == errc::malformed;
    if (response.has_error() && response.error() == errc::timed_out)
      self->pace.answered(count, Clock::now() - from);
    if (response.has_error() && !is_malformed) co_return response.error();
    const auto question = row.front();
    row.pop_front();
    if (row.empty()) self->pace.answered(count, Clock::now() - from);
    if (self->answer(question, response)) continue;
    connection->close();  // responses no longer match requests
    co_return errc::malformed;
  }
  co_return error_code();
}

// ---- pages: each on its own connection, so that responses cannot be mixed up

Task<> EngineClient::Impl::fetch(std::shared_ptr<Impl> self, std::shared_ptr<Fetch> fetch) {
  const auto connected = co_await HttpConnection::connect(fetch->connection, self->names, fetch->deadline);
  engine::result<HttpResponse> response = errc::unavailable;
  if (connected.has_error()) {
    response = connected.error();
  } else {
    response =
        co_await HttpConnection::exchange(fetch->connection, fetch->request, max_page_bytes, fetch->deadline);
  }
  fetch->connection->close();
  std::erase(self->fetches, fetch);
  fetch->finish(response);
}

// Fails all callers now; the coroutines end when the io_context runs on.
void EngineClient::Impl::stop() {
  if (stopped) return;
  stopped = true;
  stream.reset();
  clock.cancel();
  idle.clear();
  for (const auto& worker : workers) {
    worker->wake.cancel();
    if (worker->connection) worker->connection->close();
  }
  const auto reading = fetches;
  for (const auto& fetch : reading) fetch->connection->close();
  reject_unsent(errc::not_ready);
  const auto open = questions;
  for (const auto& [digest, question] : open) finish(question, errc::not_ready);
  for (const auto& fetch : reading) fetch->finish(errc::not_ready);
}

// ---- public interface

EngineClient::EngineClient(asio::io_context& io, Options options)
    : impl_(std::make_shared<Impl>(io, std::move(options))) {}

EngineClient::~EngineClient() { stop(); }

void EngineClient::ask(const engine::Digest& digest, std::string_view secret, DecisionHandler done,
                       Asker asker) {
  asio::dispatch(impl_->io, [impl = impl_, digest, text = std::string(secret), done = std::move(done),
                             asker = std::move(asker)]() mutable {
    impl->ask(digest, text, std::move(done), std::move(asker));
  });
}

void EngineClient::read_page(std::optional<Position> after, std::string_view journal, PageHandler done) {
  if (impl_->stopped) return done(errc::not_ready);
  if (impl_->fetches.size() == max_fetches) return done(errc::overloaded);
  std::string request = "GET /v1/invalidations?";
  if (after) {
    request += "after=";
    append_position(request, *after);
    if (!journal.empty()) request.append("&journal=").append(journal);
    request += '&';
  }
  request += "limit=" + std::to_string(page_limit) + " HTTP/1.1\r\n" + impl_->head +
             "Accept: application/json\r\n\r\n";
  auto fetch = std::make_shared<Fetch>();
  fetch->request = std::make_shared<const std::string>(std::move(request));
  fetch->deadline = Clock::now() + impl_->options.page_timeout;
  fetch->connection = std::make_shared<HttpConnection>(impl_->io);
  fetch->done = [done = std::move(done)](const engine::result<HttpResponse>& response) {
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
  impl_->fetches.push_back(fetch);
  asio::co_spawn(impl_->io.get_executor(), Impl::fetch(impl_, std::move(fetch)),
                 [](std::exception_ptr error) {
                   if (error) std::rethrow_exception(error);
                 });
}

void EngineClient::start_stream(StreamHandlers handlers) {
  if (impl_->stopped) return;
  impl_->stream = std::make_unique<FeedStream>(impl_->io, impl_->names, impl_->head, std::move(handlers));
}

void EngineClient::stop_stream() { impl_->stream.reset(); }
void EngineClient::stop() { impl_->stop(); }

}  // namespace revoked::cache
