#pragma once
// A gateway's questions to the engine: whether one is needed, whether its answer is still valid when it
// arrives, and whether the answer is kept. On the gateway's thread only. Everything that it refers to must
// outlive it.

#include <functional>
#include <memory>
#include <string>

#include "cache/edge/follower_driver.hpp"
#include "cache/edge/recent_unknowns.hpp"

namespace revoked::cache {

class GatewayQuestions {
 public:
  using Verdict = Gateway::Verdict;

  struct Question {
    engine::Digest digest;
    std::string secret;
    std::function<void(Verdict)> done;
    EngineClient::Asker asker;
    // The answer stays in use after it was given: an active decision must be one that later events can end.
    bool lasts = false;
    bool asked_again = false;
    NearCache::Moment asked{};
  };
  using QuestionPointer = std::shared_ptr<Question>;

  GatewayQuestions(WhenStale when_stale, EngineClient& client, NearCache& cache, FollowerDriver& driver,
                   GatewayState& state, LogThrottle& log)
      : when_stale_(when_stale), client_(client), cache_(cache), driver_(driver), state_(state), log_(log) {}

  // Calls `done` once, at once or when the engine has answered.
  void ask(const QuestionPointer& question);
  void stop() { stopped_ = true; }

 private:
  bool answer_without_asking(const Question& question) const;
  void on_failure(const Question& question, const error_code& error, Monotonic now);
  void on_answer(const QuestionPointer& question, Decision decision, Monotonic now);
  bool is_overtaken(const Question& question, const Decision& decision) const;

  const WhenStale when_stale_;
  EngineClient& client_;
  NearCache& cache_;
  FollowerDriver& driver_;
  GatewayState& state_;
  LogThrottle& log_;
  RecentUnknowns unknowns_;
  bool stopped_ = false;
};

}  // namespace revoked::cache
