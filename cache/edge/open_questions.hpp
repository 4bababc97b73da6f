#pragma once
// The questions of an EngineClient without an answer yet: the callers of each, when they give up, and the
// queue of those that are not sent. At most one per secret: callers before it is sent share its answer, later
// callers wait, and another question is sent for them.
//
// One thread, that of the io_context. Held by shared_ptr, because a caller's callback may destroy the client.

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cache/edge/engine_client.hpp"
#include "cache/edge/fair_queue.hpp"
#include "cache/wire/asio.hpp"
#include "engine/base/keyed_hash.hpp"

namespace revoked::cache {

struct Question {
  using Clock = std::chrono::steady_clock;

  struct Caller {
    EngineClient::DecisionHandler done;
    EngineClient::Asker asker;
    Clock::time_point deadline;

    bool has_left() const { return asker.left && asker.left->load(std::memory_order_relaxed); }
  };

  engine::Digest digest;
  std::shared_ptr<const std::string> request;  // from the line after Host on
  std::vector<Caller> callers;
  std::vector<Caller> late_callers;  // came after it was sent
  bool has_waited = false;           // it had to queue for a connection
  bool is_sent = false;
  bool is_over = false;   // answered, or given up
  std::size_t moves = 0;  // from an engine that failed to the next

  void append_request(std::string_view host_line, std::string& out) const;
  // A peer that closed its sending side may still wait for a response, so `left` counts only for queued
  // questions.
  bool is_wanted() const;
  // When the last of its callers gives up.
  Clock::time_point deadline() const;
};
using QuestionPointer = std::shared_ptr<Question>;

class OpenQuestions : public std::enable_shared_from_this<OpenQuestions> {
 public:
  // `head`: the header lines of a request after "Host:", each with its line end. `on_queued` is called when a
  // question may be taken, but not after stop().
  OpenQuestions(asio::io_context& io, const EngineClient::Options& options, std::string head,
                std::function<void()> on_queued);

  void ask(const engine::Digest& digest, std::string_view secret, EngineClient::DecisionHandler done,
           EngineClient::Asker asker);

  // The questions to send next, round-robin by peer; skips those whose callers have left, or would time out
  // if an answer takes as long as `expected`.
  std::deque<QuestionPointer> take(std::size_t max_count, std::size_t max_bytes,
                                   Question::Clock::duration expected);

  // Without effect if it is over.
  void answer(const QuestionPointer& question, const engine::result<Decision>& decision);

  // Whether it needs no answer any more.
  bool is_over(const QuestionPointer& question);

  // Fails all callers now.
  void stop();

 private:
  using Caller = Question::Caller;

  std::shared_ptr<const std::string> format(std::string_view secret) const;
  void enqueue(const QuestionPointer& question);
  void close(const QuestionPointer& question);
  void finish(const QuestionPointer& question, const engine::result<Decision>& decision);
  void ask_for_late_callers(const QuestionPointer& question, std::vector<Caller> late_callers);
  void fail_unsent(engine::errc error);
  void start_timer();
  void fail_overdue();

  asio::io_context& io_;
  const std::size_t max_callers_;
  const std::chrono::milliseconds timeout_;
  const std::string head_;
  const std::function<void()> on_queued_;

  std::unordered_map<engine::Digest, QuestionPointer, engine::KeyedHash> open_;
  std::size_t callers_ = 0;              // in all of them
  FairQueue<QuestionPointer> queue_;     // not sent yet
  std::vector<QuestionPointer> unsent_;  // over without being sent, callers not called yet
  Timer timer_;
  bool timer_runs_ = false;
  bool stopped_ = false;
};

}  // namespace revoked::cache
