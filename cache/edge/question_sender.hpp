#pragma once
// Sends the open questions of an EngineClient on a bounded number of kept connections, several in a row on
// each (pipelined), and answers them. If the engine fails, they are asked at the next one, at most once
// at each. One thread, that of the io_context. Held by shared_ptr: its coroutines keep it until they end.

#include <deque>
#include <memory>
#include <vector>

#include "cache/edge/engine_choice.hpp"
#include "cache/edge/engine_client.hpp"
#include "cache/edge/open_questions.hpp"
#include "cache/edge/question_pace.hpp"
#include "cache/wire/http_connection.hpp"

namespace revoked::cache {

class QuestionSender : public std::enable_shared_from_this<QuestionSender> {
 public:
  QuestionSender(asio::io_context& io, std::shared_ptr<EngineChoice> engines,
                 const EngineClient::Options& options, std::shared_ptr<OpenQuestions> questions);
  ~QuestionSender();

  // Gives queued questions to an idle connection, or to a new one. Does not call a caller's callback.
  void send_queued();

  // Closes the connections to an engine that is no longer in use.
  void on_engine_changed();

  // Closes the connections; the coroutines end when the io_context runs on.
  void stop();

 private:
  struct Worker;
  using Self = std::shared_ptr<QuestionSender>;
  using WorkerPointer = std::shared_ptr<Worker>;

  std::deque<QuestionPointer> take();
  bool answer(const QuestionPointer& question, const engine::result<HttpResponse>& response);
  static Task<> work(Self self, WorkerPointer worker);
  static Task<> send_pipeline(Self self, WorkerPointer worker);
  bool asks_elsewhere(const QuestionPointer& question, const EngineChoice::Pointer& engine) const {
    return question->moves < engines_->others() && engine != engines_->in_use();
  }
  void fail(const std::deque<QuestionPointer>& questions, const error_code& failed);
  void move_or_fail(Worker& worker, const error_code& failed);
  static Task<error_code> connect(Self self, WorkerPointer worker, Question::Clock::time_point deadline);
  static Task<error_code> exchange(Self self, WorkerPointer worker, Question::Clock::time_point deadline);

  asio::io_context& io_;
  const std::shared_ptr<EngineChoice> engines_;
  const std::size_t max_connections_;
  const std::shared_ptr<OpenQuestions> questions_;
  QuestionPace pace_;
  std::vector<WorkerPointer> workers_;
  std::vector<Worker*> idle_;  // last used at the end, so that few connections are used
  bool stopped_ = false;
};

}  // namespace revoked::cache
