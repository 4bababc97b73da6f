#include "cache/edge/question_sender.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <utility>

#include "cache/edge/engine_status.hpp"

namespace revoked::cache {

using engine::errc;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t max_decision_bytes = 64 << 10;
constexpr auto idle_timeout = 30s;  // after which an unused connection is closed
// Limit of pipelined questions: less than the socket buffers, so that neither side blocks on the other.
constexpr std::size_t max_pipeline_bytes = 48 << 10;

}  // namespace

// One connection.
struct QuestionSender::Worker {
  explicit Worker(asio::io_context& io) : wake(io) {}
  Timer wake;
  std::deque<QuestionPointer> pipeline;  // sent, or to be sent next
  std::shared_ptr<HttpConnection> connection;
  EngineChoice::Pointer engine;  // to which it is
};

QuestionSender::QuestionSender(asio::io_context& io, std::shared_ptr<EngineChoice> engines,
                               const EngineClient::Options& options, std::shared_ptr<OpenQuestions> questions)
    : io_(io),
      engines_(std::move(engines)),
      max_connections_(options.max_connections),
      questions_(std::move(questions)),
      pace_(options.question_timeout) {}

QuestionSender::~QuestionSender() = default;

void QuestionSender::send_queued() {
  if (!idle_.empty()) {
    Worker* const worker = idle_.back();
    idle_.pop_back();
    worker->pipeline = take();
    worker->wake.cancel();
  } else if (workers_.size() < max_connections_) {
    auto worker = std::make_shared<Worker>(io_);
    worker->pipeline = take();
    workers_.push_back(worker);
    asio::co_spawn(io_.get_executor(), work(shared_from_this(), std::move(worker)), rethrow);
  }
}

std::deque<QuestionPointer> QuestionSender::take() {
  return questions_->take(pace_.depth(), max_pipeline_bytes, pace_.expected());
}

Task<> QuestionSender::work(Self self, WorkerPointer worker) {
  while (!self->stopped_) {
    if (worker->pipeline.empty()) worker->pipeline = self->take();
    if (worker->pipeline.empty()) {
      self->idle_.push_back(worker.get());
      worker->wake.expires_after(idle_timeout);
      [[maybe_unused]] auto [cancelled] = co_await worker->wake.async_wait(as_result);
      std::erase(self->idle_, worker.get());
      if (worker->pipeline.empty()) break;
      continue;
    }
    co_await send_pipeline(self, worker);
  }
  if (worker->connection) worker->connection->close();
  std::erase(self->workers_, worker);
}

// The engine may have closed a kept connection just before we used it, or may close it after any response.
// All requests are idempotent, so the rest is sent again on a new connection, and to another engine if this
// one has failed.
Task<> QuestionSender::send_pipeline(Self self, WorkerPointer worker) {
  auto& pipeline = worker->pipeline;
  while (!pipeline.empty() && !self->stopped_) {
    std::erase_if(pipeline, [&](const auto& question) { return self->questions_->is_over(question); });
    if (pipeline.empty()) break;
    Clock::time_point deadline{};
    for (const auto& question : pipeline) deadline = std::max(deadline, question->deadline());
    const bool is_kept = worker->engine == self->engines_->in_use() && worker->connection->is_reusable();
    const auto count = pipeline.size();
    if (Clock::now() >= deadline) {
      self->fail(std::exchange(pipeline, {}), errc::timed_out);
      break;
    }
    error_code failed;
    if (!is_kept) failed = co_await connect(self, worker, deadline);
    if (!failed) failed = co_await exchange(self, worker, deadline);
    if (pipeline.empty() || self->stopped_) break;
    const bool made_headway = pipeline.size() < count;
    const bool was_closed = is_kept && failed == errc::unavailable &&
                            worker->connection->has_received_nothing() &&
                            worker->engine == self->engines_->in_use();
    if (made_headway || was_closed) continue;
    if (failed != errc::malformed) self->engines_->failed(worker->engine, "no answer: " + failed.message());
    self->move_or_fail(*worker, failed);
  }
  pipeline.clear();
}

// Leaves in the pipeline those that are to be asked at the engine that is now in use.
void QuestionSender::move_or_fail(Worker& worker, const error_code& failed) {
  std::deque<QuestionPointer> unanswered;
  for (const auto& question : std::exchange(worker.pipeline, {})) {
    const bool moves = asks_elsewhere(question, worker.engine);
    if (moves) ++question->moves;
    (moves ? worker.pipeline : unanswered).push_back(question);
  }
  fail(unanswered, failed);
}

void QuestionSender::fail(const std::deque<QuestionPointer>& questions, const error_code& failed) {
  for (const auto& question : questions) questions_->answer(question, failed);
}

// To the engine in use. Half of the time is left for another one.
Task<error_code> QuestionSender::connect(Self self, WorkerPointer worker, Clock::time_point deadline) {
  worker->connection = std::make_shared<HttpConnection>(self->io_);
  worker->engine = self->engines_->in_use();
  const auto now = Clock::now();
  const auto limit = self->engines_->others() > 0 ? now + (deadline - now) / 2 : deadline;
  const auto connected = co_await HttpConnection::connect(worker->connection, worker->engine->origin, limit);
  co_return connected.has_error() ? connected.error() : error_code();
}

// Removes answered questions from the pipeline.
Task<error_code> QuestionSender::exchange(Self self, WorkerPointer worker, Clock::time_point deadline) {
  const auto connection = worker->connection;
  auto& pipeline = worker->pipeline;
  const auto count = pipeline.size();
  const auto text = std::make_shared<std::string>();
  for (const auto& question : pipeline) {
    question->append_request(worker->engine->host_line, *text);
    question->is_sent = true;
  }
  const auto from = Clock::now();
  const std::shared_ptr<const std::string> requests = text;
  const auto sent = co_await HttpConnection::send(connection, requests, deadline);
  if (sent.has_error()) co_return sent.error();
  while (!pipeline.empty()) {
    const auto response =
        co_await HttpConnection::receive(connection, pipeline.size() == 1, max_decision_bytes, deadline);
    if (self->stopped_) co_return errc::not_ready;
    const bool is_malformed = response.has_error() && response.error() == errc::malformed;
    if (response.has_error() && response.error() == errc::timed_out)
      self->pace_.answered(count, Clock::now() - from);
    if (response.has_error() && !is_malformed) co_return response.error();
    const auto question = pipeline.front();
    if (!response.has_error() && is_out_of_service(response->status)) {
      self->engines_->failed(worker->engine, "status " + std::to_string(response->status));
      if (self->asks_elsewhere(question, worker->engine)) {
        connection->close();
        co_return errc::unavailable;
      }
    }
    pipeline.pop_front();
    if (pipeline.empty()) self->pace_.answered(count, Clock::now() - from);
    if (self->answer(question, response)) continue;
    connection->close();  // responses no longer match requests
    co_return errc::malformed;
  }
  co_return error_code();
}

// Whether the response answers this question.
bool QuestionSender::answer(const QuestionPointer& question, const engine::result<HttpResponse>& response) {
  if (question->is_over) return true;
  engine::result<Decision> decision = errc::unavailable;
  if (response.has_error())
    decision = response.error();
  else if (response->status == 200)
    decision = decode_decision(response->body, question->digest);
  else
    decision = error_of_status(response->status);
  questions_->answer(question, decision);
  return decision.has_value() || decision.error() != errc::malformed;
}

void QuestionSender::on_engine_changed() {
  for (const auto& worker : workers_) {
    if (worker->connection && worker->engine != engines_->in_use()) worker->connection->close();
  }
}

void QuestionSender::stop() {
  stopped_ = true;
  idle_.clear();
  for (const auto& worker : workers_) {
    worker->wake.cancel();
    if (worker->connection) worker->connection->close();
  }
}

}  // namespace revoked::cache
