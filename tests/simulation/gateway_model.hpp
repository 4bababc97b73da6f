#pragma once
// A gateway without network: follower and near cache, connected as in the real gateway, and the bugs that the
// simulation must find.

#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "cache/edge/follower.hpp"
#include "cache/edge/near_cache.hpp"
#include "tests/simulation/engine_model.hpp"

namespace revoked::simulation {

using cache::Follower;
using cache::Monotonic;
using cache::NearCache;

inline Monotonic at_ms(Ms now) { return Monotonic(std::chrono::milliseconds(now)); }

inline engine::Digest digest_of(std::size_t key) {
  engine::Digest digest{};
  const auto hash = (key + 1) * 0x9e3779b97f4a7c15u;
  std::memcpy(digest.data(), &hash, sizeof hash);
  return digest;
}

// Planted bugs.
struct Faults {
  bool restamps_fills = false;            // an answer counts as current
  bool ignores_gaps = false;              // missing messages are ignored
  bool ignores_epochs = false;            // a new epoch is treated as the old one
  bool ignores_flushes = false;           // the near cache is not flushed
  bool ignores_leases = false;            // the lease is not checked
  bool compares_sequences_only = false;   // the near cache does not get an event's epoch
  bool ignores_marks = false;             // owner revocations are not applied
  bool ignores_locks = false;             // locks of owners are not applied
  bool ignores_journals = false;          // positions are compared without journal ids
  bool trusts_unsigned_messages = false;  // they count as the engine's
  bool leases_from_arrival = false;       // a proof counts from its arrival
  bool uses_own_clock = false;            // expiry by the gateway's wall clock
  bool shares_old_questions = false;      // a check shares a question older than events it must respect
  bool keeps_answers_to_recheck = false;  // an answer may be older than the last recheck
  bool obeys_any_engine = false;          // one of several that is behind counts as the only one
  bool mixes_clocks = false;              // the clocks of several engines count as one
};

class GatewayModel {
 public:
  GatewayModel(std::string gateway_name, Follower::Options follower_options, NearCache::Options cache_options,
               Faults planted)
      : name(std::move(gateway_name)),
        follower(with(follower_options, planted)),
        cache(cache_options),
        faults(planted),
        has_several_engines_(follower_options.has_several_engines) {}

  // Result of a look-up without a question.
  enum class Answer { denied_stale, ask_and_drop, ask_and_keep, allowed, denied };
  Answer look_up(const engine::Digest& digest, Ms now, Ms own_wall) const {
    if (!faults.ignores_leases && follower.is_stale(at_ms(now))) return Answer::denied_stale;
    if (!follower.trusts_cache()) return Answer::ask_and_drop;
    const auto time = faults.uses_own_clock || !engine_ahead_ ? own_wall : now + *engine_ahead_;
    const auto decision = cache.find(digest, time);
    if (!decision) return Answer::ask_and_keep;
    return decision->state == Decision::State::active ? Answer::allowed : Answer::denied;
  }

  // A question in flight, and when each waiting check began.
  struct Question {
    NearCache::Moment asked;
    std::uint64_t event_count;
    bool asked_again;
    std::vector<Ms> begun;
  };
  // The question to share; null: a new one is needed.
  std::shared_ptr<Question> running_question(std::size_t key) const {
    const auto found = questions.find(key);
    if (found == questions.end()) return nullptr;
    return found->second->event_count == event_count || faults.shares_old_questions ? found->second : nullptr;
  }
  std::shared_ptr<Question> new_question(std::size_t key, bool again, std::vector<Ms> begun) {
    auto question =
        std::make_shared<Question>(Question{cache.moment(), event_count, again, std::move(begun)});
    questions[key] = question;
    return question;
  }
  void end_question(std::size_t key, const std::shared_ptr<Question>& question) {
    if (const auto found = questions.find(key); found != questions.end() && found->second == question)
      questions.erase(found);
  }
  enum class Use { answered, ask_again, unanswered };
  // Checks an answer against the events received since the question.
  Use on_answer(const Question& question, const engine::Digest& digest, Decision decision) {
    const bool is_active = decision.state == Decision::State::active;
    const bool is_of_the_past = has_several_engines_ && !faults.obeys_any_engine && is_active &&
                                (follower.is_outdated(decision.as_of) || cache.has_ended(decision));
    const bool is_overtaken = (is_active && question.event_count != event_count) || is_of_the_past;
    keep(digest, std::move(decision), question.asked);
    if (!is_overtaken || faults.shares_old_questions) return Use::answered;
    return question.asked_again ? Use::unanswered : Use::ask_again;
  }

  void keep(const engine::Digest& digest, Decision decision, NearCache::Moment asked) {
    if (!follower.trusts_cache()) return;
    if (faults.restamps_fills) decision.as_of = *follower.position();
    if (faults.ignores_epochs) decision.as_of.epoch = follower.position()->epoch;
    if (!faults.ignores_journals && !faults.ignores_epochs && decision.journal != follower.engine_journal())
      return;
    cache.fill(digest, std::move(decision), faults.keeps_answers_to_recheck ? cache.moment() : asked);
  }
  std::optional<Position> on_decision(const Decision& decision, Ms now) {
    if (faults.ignores_epochs || faults.ignores_journals) return {};
    return perform(follower.on_decision(decision.as_of, decision.journal, at_ms(now)), now);
  }

  std::optional<Position> on_message(Message message, Follower::Source source, Ms now, Ms engine_up) {
    if (faults.ignores_journals) message.journal.clear();
    if (faults.trusts_unsigned_messages || faults.ignores_journals) source = Follower::Source::engine;
    if (faults.leases_from_arrival) message.up = engine_up;
    if (faults.mixes_clocks) message.clock.clear();
    if (const auto position = follower.position()) {
      if (faults.ignores_epochs) {
        message.epoch = position->epoch;
        message.journal = follower.engine_journal();
      }
      if (faults.ignores_gaps && message.epoch == position->epoch && message.first > position->sequence) {
        message.first = position->sequence + 1;
        if (message.events.empty()) message.last = std::max(message.last, position->sequence);
      }
    }
    return perform(follower.on_message(std::move(message), source, at_ms(now)), now);
  }

  std::optional<Position> on_page(EngineModel::PageAnswer answer, Ms now) {
    if (faults.ignores_epochs && follower.position()) {
      const auto epoch = follower.position()->epoch;
      if (answer.gone) answer.page.position = *follower.position();
      answer.gone = false;
      answer.page.position.epoch = answer.page.published.epoch = epoch;
      answer.page.journal = follower.engine_journal();
      for (auto& message : answer.page.messages) {
        message.epoch = epoch;
        message.journal = follower.engine_journal();
      }
    }
    if (faults.ignores_journals) {
      answer.page.journal.clear();
      for (auto& message : answer.page.messages) message.journal.clear();
    }
    if (faults.mixes_clocks) answer.page.clock.clear();
    if (answer.gone) return perform(follower.on_page_gone(std::move(answer.page), at_ms(now)), now);
    return perform(follower.on_page(std::move(answer.page), at_ms(now)), now);
  }
  std::optional<Position> on_page_failed(Ms now) { return perform(follower.on_page_failed(at_ms(now)), now); }
  std::optional<Position> on_engine_changed(Ms now) {
    if (faults.obeys_any_engine) return {};
    return perform(follower.on_engine_changed(at_ms(now)), now);
  }
  std::optional<Position> tick(Ms now) { return perform(follower.tick(at_ms(now)), now); }

  std::string name;
  Follower follower;
  NearCache cache;
  Faults faults;
  // The journal id of the epoch of a genuine event; empty: it is not genuine.
  std::function<std::string(const Invalidation&)> journal_of;
  std::map<std::pair<std::string, Sequence>, Ms> received;  // genuine events received, and when
  std::map<std::size_t, std::shared_ptr<Question>> questions;
  std::uint64_t event_count = 0;  // count of events applied and to be rechecked
  std::size_t engine = 0;         // of several: which is in use
  std::function<void()> on_engine_behind;
  Ms paused_until = 0;
  std::deque<std::function<void()>> inbox;  // arrivals during a pause

 private:
  std::optional<Position> perform(Follower::Actions actions, Ms now) {
    if (actions.flush && !faults.ignores_flushes) {
      cache.flush(*actions.flush);
      epoch_ = actions.flush->epoch;
      ++event_count;
    }
    for (auto& event : actions.apply) {
      if (faults.ignores_marks && event.type == Invalidation::Type::owner_revoked) continue;
      if (faults.ignores_locks && event.type == Invalidation::Type::owner_locked) continue;
      note(event, now);
      if (faults.compares_sequences_only) event.epoch = 0;
      cache.apply(event);
    }
    for (const auto& event : actions.recheck) {
      // The engine that is asked may not have the event yet.
      if (has_several_engines_) {
        ++event_count;
      } else {
        note(event, now);
      }
      cache.recheck(event);
    }
    const auto position = follower.position();
    if (position && position->epoch > epoch_) {
      epoch_ = position->epoch;
      cache.advance(epoch_);
    }
    if (const auto time = follower.engine_time(at_ms(now))) engine_ahead_ = *time - now;
    if (actions.is_engine_behind && on_engine_behind) on_engine_behind();
    return actions.request_after;
  }
  static Follower::Options with(Follower::Options options, const Faults& faults) {
    options.has_several_engines &= !faults.obeys_any_engine;
    return options;
  }
  void note(const Invalidation& event, Ms now) {
    ++event_count;
    const auto journal = journal_of(event);
    if (!journal.empty()) received.try_emplace({journal, event.sequence}, now);
  }

  Epoch epoch_ = 0;
  std::optional<Ms> engine_ahead_;  // its wall clock, before the time
  const bool has_several_engines_;
};

}  // namespace revoked::simulation
