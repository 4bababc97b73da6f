#include "cache/edge/open_questions.hpp"

#include <simdjson.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <iterator>
#include <utility>

#include "engine/model/json_writer.hpp"

namespace revoked::cache {

using engine::errc;

namespace {

// Of a request: its first line, traceparent and Host.
constexpr std::size_t max_beginning_bytes = 440;
constexpr int overdue_checks = 20;               // per timeout
constexpr std::size_t callers_per_waiting = 16;  // limits all callers to this multiple of max_waiting

}  // namespace

bool Question::is_wanted() const {
  const auto waits = [this](const Caller& caller) { return !has_waited || !caller.has_left(); };
  return std::any_of(callers.begin(), callers.end(), waits);
}

Question::Clock::time_point Question::deadline() const {
  Clock::time_point latest{};
  for (const auto& caller : callers) latest = std::max(latest, caller.deadline);
  return latest;
}

void Question::append_request(std::string_view host_line, std::string& out) const {
  out.append("POST /v1/keys/verify?echo=secret_sha256 HTTP/1.1\r\n");
  if (!callers.empty() && !callers.front().asker.traceparent.empty())
    out.append("traceparent: ").append(callers.front().asker.traceparent).append("\r\n");
  out.append(host_line).append(*request);
}

OpenQuestions::OpenQuestions(asio::io_context& io, const EngineClient::Options& options, std::string head,
                             std::function<void()> on_queued)
    : io_(io),
      max_callers_(callers_per_waiting * options.max_waiting),
      timeout_(options.question_timeout),
      head_(std::move(head)),
      on_queued_(std::move(on_queued)),
      queue_(options.max_waiting),
      timer_(io) {}

std::shared_ptr<const std::string> OpenQuestions::format(std::string_view secret) const {
  std::string body = "{\"secret\":";
  engine::append_json_string(body, secret);
  body += '}';
  return std::make_shared<const std::string>(head_ + "Content-Type: application/json\r\nContent-Length: " +
                                             std::to_string(body.size()) + "\r\n\r\n" + body);
}

void OpenQuestions::ask(const engine::Digest& digest, std::string_view secret,
                        EngineClient::DecisionHandler done, EngineClient::Asker asker) {
  if (stopped_) return done(errc::not_ready);
  // Not the secret of any key, and not representable in JSON.
  if (!simdjson::validate_utf8(secret.data(), secret.size())) return done(Decision{});
  if (callers_ >= max_callers_) return done(errc::overloaded);
  ++callers_;
  Caller caller{std::move(done), std::move(asker), Question::Clock::now() + timeout_};
  auto& open = open_[digest];
  if (open) {
    (open->is_sent ? open->late_callers : open->callers).push_back(std::move(caller));
    return;
  }
  open = std::make_shared<Question>();
  open->digest = digest;
  open->request = format(secret);
  open->callers.push_back(std::move(caller));
  enqueue(QuestionPointer(open));
}

void OpenQuestions::enqueue(const QuestionPointer& question) {
  // A free connection takes it at once, so only questions that must queue count as waiting.
  const auto evicted = queue_.push(question->callers.front().asker.peer, question);
  if (!stopped_ && queue_.size() != 0) on_queued_();
  question->has_waited = true;
  start_timer();
  if (evicted) answer(*evicted, errc::overloaded);
}

std::deque<QuestionPointer> OpenQuestions::take(std::size_t max_count, std::size_t max_bytes,
                                                Question::Clock::duration expected) {
  std::deque<QuestionPointer> taken;
  std::size_t bytes = 0;
  const auto latest = Question::Clock::now() + expected;
  while (taken.size() < max_count && bytes < max_bytes) {
    auto question = queue_.pop();
    if (!question) break;
    if ((*question)->is_over) continue;
    if (!(*question)->is_wanted() || (*question)->deadline() <= latest) {
      close(*question);
      unsent_.push_back(std::move(*question));
      continue;
    }
    bytes += (*question)->request->size() + max_beginning_bytes;
    taken.push_back(std::move(*question));
  }
  // Posted, because a callback may ask again.
  if (!unsent_.empty()) asio::post(io_, [self = shared_from_this()] { self->fail_unsent(errc::timed_out); });
  return taken;
}

void OpenQuestions::answer(const QuestionPointer& question, const engine::result<Decision>& decision) {
  if (!question->is_over) finish(question, decision);
}

bool OpenQuestions::is_over(const QuestionPointer& question) {
  if (question->callers.empty() && question->late_callers.empty()) close(question);
  return question->is_over;
}

// No further caller can join it.
void OpenQuestions::close(const QuestionPointer& question) {
  if (!std::exchange(question->is_over, true)) open_.erase(question->digest);
}

void OpenQuestions::finish(const QuestionPointer& question, const engine::result<Decision>& decision) {
  close(question);
  const auto callers = std::exchange(question->callers, {});
  auto late_callers = std::exchange(question->late_callers, {});
  callers_ -= callers.size();
  for (const auto& caller : callers) caller.done(decision);
  if (!late_callers.empty()) ask_for_late_callers(question, std::move(late_callers));
}

void OpenQuestions::ask_for_late_callers(const QuestionPointer& question, std::vector<Caller> late_callers) {
  std::vector<Caller> unanswered;
  for (auto& caller : late_callers) {
    if (stopped_) {
      --callers_;
      caller.done(errc::not_ready);
    } else if (caller.asker.answered && caller.asker.answered()) {
      --callers_;
    } else {
      unanswered.push_back(std::move(caller));
    }
  }
  if (unanswered.empty()) return;
  auto& open = open_[question->digest];
  if (open) {  // a caller just answered has asked again
    auto& others = open->is_sent ? open->late_callers : open->callers;
    std::move(unanswered.begin(), unanswered.end(), std::back_inserter(others));
    return;
  }
  open = std::make_shared<Question>();
  open->digest = question->digest;
  open->request = question->request;
  open->callers = std::move(unanswered);
  enqueue(QuestionPointer(open));
}

void OpenQuestions::fail_unsent(errc error) {
  for (const auto& question : std::exchange(unsent_, {})) finish(question, error);
}

void OpenQuestions::start_timer() {
  if (timer_runs_ || open_.empty() || stopped_) return;
  timer_runs_ = true;
  timer_.expires_after(timeout_ / overdue_checks);
  timer_.async_wait([self = shared_from_this()](error_code) {
    self->timer_runs_ = false;
    if (self->stopped_) return;
    self->fail_overdue();
    self->start_timer();
  });
}

// Fails overdue callers, whatever the state of the question.
void OpenQuestions::fail_overdue() {
  const auto now = Question::Clock::now();
  std::vector<Caller> overdue;
  for (auto& [digest, question] : open_) {
    for (auto* const callers : {&question->callers, &question->late_callers}) {
      const auto from = std::stable_partition(callers->begin(), callers->end(),
                                              [&](const Caller& caller) { return caller.deadline > now; });
      std::move(from, callers->end(), std::back_inserter(overdue));
      callers->erase(from, callers->end());
    }
  }
  queue_.keep_if([&](const QuestionPointer& question) {
    if (!question->callers.empty()) return true;
    close(question);
    return false;
  });
  callers_ -= overdue.size();
  for (const auto& caller : overdue) caller.done(errc::timed_out);
}

void OpenQuestions::stop() {
  stopped_ = true;
  timer_.cancel();
  fail_unsent(errc::not_ready);
  const auto open = open_;
  for (const auto& [digest, question] : open) finish(question, errc::not_ready);
}

}  // namespace revoked::cache
