#include "cache/edge/gateway_questions.hpp"

#include <utility>

namespace revoked::cache {
namespace {

using State = Decision::State;

bool has_expired(const Decision& decision, engine::UnixMs now) {
  return decision.state == State::active && decision.expires_at && *decision.expires_at <= now;
}

}  // namespace

void GatewayQuestions::ask(const QuestionPointer& question) {
  const bool stale = state_.is_stale(engine::BootClock::now());
  if (stopped_ || (when_stale_ == WhenStale::deny && stale)) return question->done({std::nullopt, stale});
  if (!question->asked_again && answer_without_asking(*question)) return;
  ++state_.questions;
  question->asked = cache_.moment();
  auto asker = question->asker;
  asker.answered = [this, question] { return answer_without_asking(*question); };
  client_.ask(
      question->digest, question->secret,
      [this, question](const engine::result<Decision>& answer) {
        const auto now = engine::BootClock::now();
        if (answer.has_error()) return on_failure(*question, answer.error(), now);
        on_answer(question, *answer, now);
      },
      std::move(asker));
}

// Answers if Gateway::check would by now, or if the engine recently reported the secret as unknown.
bool GatewayQuestions::answer_without_asking(const Question& question) const {
  const auto now = engine::BootClock::now();
  const auto position = driver_.follower().position();
  if (state_.is_stale(now) || !driver_.follower().trusts_cache() || !position) return false;
  if (auto decision = cache_.find(question.digest, state_.engine_time(now))) {
    question.done({std::move(decision), false});
    return true;
  }
  if (!unknowns_.knows(question.digest, *position, std::chrono::steady_clock::now())) return false;
  question.done({CachedDecision(std::make_shared<const Decision>()), false});
  return true;
}

void GatewayQuestions::on_failure(const Question& question, const error_code& error, Monotonic now) {
  ++state_.failed_questions;
  log_.log("engine", error.message());
  if (when_stale_ != WhenStale::serve) return question.done({std::nullopt, state_.is_stale(now)});
  question.done({cache_.find(question.digest, state_.engine_time(now)), true});
}

void GatewayQuestions::on_answer(const QuestionPointer& question, Decision decision, Monotonic now) {
  log_.forget("engine");
  const bool stale = state_.is_stale(now);
  if (has_expired(decision, state_.engine_time(now))) decision.state = State::expired;
  driver_.on_decision(decision, now);
  if (stale && when_stale_ == WhenStale::deny) return question->done({std::nullopt, true});
  const auto& follower = driver_.follower();
  const bool is_ours = decision.journal == follower.engine_journal();
  // The engine may not know yet of an event that we have applied. Another engine is used from now on.
  if (decision.state == State::active && follower.is_outdated(decision.as_of)) {
    if (std::exchange(question->asked_again, true)) return question->done({std::nullopt, stale});
    return ask(question);
  }
  if (question->lasts && !is_ours && decision.state == State::active)
    return question->done({std::nullopt, stale});
  const bool keeps = !stale && is_ours && follower.trusts_cache();
  const bool is_kept = keeps && cache_.fill(question->digest, decision, question->asked);
  // An older decision that allows the key must not come back into use: this caller has been told of its end,
  // of which the event may arrive later.
  if (!is_kept && decision.state != State::active) cache_.drop(question->digest);
  if ((keeps && !is_kept && is_overtaken(*question, decision)) || (is_ours && cache_.has_ended(decision))) {
    // Events applied since override it, even if others are missing; the engine has them by now.
    if (question->asked_again) return question->done({std::nullopt, stale});
    question->asked_again = true;
    return ask(question);
  }
  if (decision.state == State::unknown && keeps)
    unknowns_.remember(question->digest, decision.as_of, std::chrono::steady_clock::now());
  question->done({CachedDecision(std::make_shared<const Decision>(std::move(decision))), stale});
}

// By an event applied since, or by an unsigned one. The latter counts once: the answer to the second question
// is final.
bool GatewayQuestions::is_overtaken(const Question& question, const Decision& decision) const {
  if (decision.state != State::active) return false;
  const auto position = driver_.follower().position();
  if (position && decision.as_of < *position) return true;
  return !question.asked_again && cache_.must_recheck(decision, question.asked);
}

}  // namespace revoked::cache
