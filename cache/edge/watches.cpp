#include "cache/edge/watches.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <iterator>
#include <memory>

namespace revoked::cache {
namespace {

using State = Decision::State;

constexpr std::string_view stale_reason = "stale";

std::array<std::uint64_t, 4> hashes_of(const IdHashes& ids) {
  return {ids.key, ids.owners[0], ids.owners[1], ids.owners[2]};
}

IdHashes hashes_of(const CachedDecision& decision) {
  std::array<IdBuffer, 4> buffers;
  return IdHashes({decision.key_id(buffers[0]), decision.owner(Scope::user, buffers[1]),
                   decision.owner(Scope::application, buffers[2]),
                   decision.owner(Scope::workspace, buffers[3])});
}

bool is_active(const Gateway::Verdict& verdict) {
  return verdict.decision && verdict.decision->state == State::active;
}

bool has_owners(const OwnerHashes& owners, const OwnerHashes& of_event) {
  for (std::size_t i = 0; i < owners.size(); ++i) {
    if (of_event[i] != 0 && of_event[i] != owners[i]) return false;
  }
  return true;
}

}  // namespace

Watches::Watches(asio::io_context& io, const WatchLimits& limits, WhenStale when_stale,
                 GatewayQuestions& questions, const NearCache& cache, GatewayState& state)
    : limits_(limits),
      when_stale_(when_stale),
      questions_(questions),
      cache_(cache),
      state_(state),
      timer_(io.get_executor()) {}

Watches::~Watches() { stop(); }

// ---- watchers

WatchedKey* Watches::find(const engine::Digest& digest) {
  const auto found = keys_.find(digest);
  return found == keys_.end() ? nullptr : found->second.get();
}

std::optional<Watches::Start> Watches::refusal(const engine::Digest& digest) {
  if (stopped_) return Start{};
  if (watchers_ >= limits_.watchers) return Start{.gateway_is_full = true};
  const auto* const key = find(digest);
  if (key != nullptr && key->watchers.size() >= limits_.watchers_of_key) return Start{.key_is_full = true};
  return {};
}

// Whether a check would allow it now, without a question.
bool Watches::is_decided(const WatchedKey& key, Monotonic now) const {
  return key.standing == Standing::decided && !state_.is_stale(now) &&
         key.expires_at > state_.engine_time(now);
}

void Watches::open(Request request) {
  if (const auto refused = refusal(request.digest)) return request.done(*refused);
  auto* const key = find(request.digest);
  if (key == nullptr || !is_decided(*key, engine::BootClock::now()))
    return ask_to_open(std::make_shared<Request>(std::move(request)), 1);
  hold(*key, *request.watcher);
  request.done({.is_held = true});
}

void Watches::ask_to_open(const Opening& opening, int attempt) {
  const auto question = std::make_shared<GatewayQuestions::Question>();
  question->digest = opening->digest;
  question->secret = opening->secret;
  question->asker = {opening->peer, {}, {}};
  question->lasts = true;
  question->done = [this, opening, attempt](Verdict verdict) {
    on_opening(opening, std::move(verdict), attempt);
  };
  questions_.ask(question);
}

void Watches::on_opening(const Opening& opening, Verdict verdict, int attempt) {
  if (!is_active(verdict)) return opening->done({.verdict = std::move(verdict)});
  const auto& decision = *verdict.decision;
  const auto ids = hashes_of(decision);
  if (cache_.have_ended(ids, decision.as_of)) {
    if (attempt < max_attempts) return ask_to_open(opening, attempt + 1);
    return opening->done({.verdict = {std::nullopt, verdict.stale}});
  }
  if (const auto refused = refusal(opening->digest)) return opening->done(*refused);
  auto* key = find(opening->digest);
  if (key == nullptr) {
    key = &add(*opening, decision, ids);
  } else if (key->standing != Standing::asked) {
    decide(*key, decision.as_of, decision.expires_at);
  }
  hold(*key, *opening->watcher);
  opening->done({.is_held = true});
}

void Watches::hold(WatchedKey& key, Watcher& watcher) {
  watcher.key_ = &key;
  key.watchers.push_back(watcher);
  state_.watches = ++watchers_;
}

void Watches::close(Watcher& watcher) {
  auto* const key = std::exchange(watcher.key_, nullptr);
  if (key == nullptr) return;
  key->watchers.erase(key->watchers.iterator_to(watcher));
  state_.watches = --watchers_;
  if (key->watchers.empty()) remove(*key);
}

void Watches::stop() {
  stopped_ = true;
  timer_.cancel();
  while (!keys_.empty()) {
    auto& watchers = keys_.begin()->second->watchers;
    for (auto& watcher : watchers) watcher.key_ = nullptr;
    watchers.clear();
    remove(*keys_.begin()->second);
  }
  state_.watches = watchers_ = 0;
}

// ---- keys

WatchedKey& Watches::add(Request& request, const CachedDecision& decision, const IdHashes& ids) {
  auto& key =
      *keys_
           .emplace(request.digest, std::make_unique<WatchedKey>(request.digest, std::move(request.secret),
                                                                 ++next_number_, ids))
           .first->second;
  const auto hashes = hashes_of(ids);
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    key.places[i].key = &key;
    if (hashes[i] != 0) groups_[hashes[i]].push_back(key.places[i]);
  }
  decide(key, decision.as_of, decision.expires_at);
  return key;
}

void Watches::remove(WatchedKey& key) {
  const auto hashes = hashes_of(key.ids);
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    if (hashes[i] == 0) continue;
    const auto group = groups_.find(hashes[i]);
    group->second.erase(group->second.iterator_to(key.places[i]));
    if (group->second.empty()) groups_.erase(group);
  }
  if (key.standing == Standing::due) due_.erase(due_.iterator_to(key));
  if (key.expires_at != CachedDecision::never) expiring_.erase({key.expires_at, &key});
  keys_.erase(keys_.find(key.digest));
}

// It was active at `as_of`, and nothing has ended that.
void Watches::decide(WatchedKey& key, Position as_of, UnixMs expires_at) {
  if (key.standing == Standing::due) due_.erase(due_.iterator_to(key));
  key.standing = Standing::decided;
  if (as_of < key.as_of) return;  // of the near cache; what is known here is newer
  key.as_of = as_of;
  if (key.expires_at != CachedDecision::never) expiring_.erase({key.expires_at, &key});
  key.expires_at = expires_at;
  if (key.expires_at != CachedDecision::never) expiring_.emplace(key.expires_at, &key);
  set_timer(engine::BootClock::now());
}

void Watches::end(WatchedKey& key, std::string_view reason) {
  watchers_ -= key.watchers.size();
  state_.watches = watchers_;
  while (!key.watchers.empty()) {
    auto& watcher = key.watchers.front();
    key.watchers.pop_front();
    watcher.key_ = nullptr;
    tell(watcher, reason);
  }
  remove(key);
}

void Watches::tell(Watcher& watcher, std::string_view reason) {
  auto told = std::find_if(told_.begin(), told_.end(),
                           [&](const Told& each) { return each.executor == watcher.executor_; });
  if (told == told_.end()) {
    told_.push_back({watcher.executor_, {}});
    told = std::prev(told_.end());
  }
  told->watchers.emplace_back(&watcher, reason);
  if (told->watchers.size() == told_together) send(*told);
}

void Watches::send(Told& told) {
  asio::post(told.executor, [watchers = std::exchange(told.watchers, {})] {
    for (const auto& [watcher, reason] : watchers) watcher->on_denied(reason);
  });
}

void Watches::tell_all() {
  for (auto& told : told_) {
    if (!told.watchers.empty()) send(told);
  }
  told_.clear();
}

void Watches::end_all(std::string_view reason) {
  while (!keys_.empty()) end(*keys_.begin()->second, reason);
}

void Watches::end_undecided(std::string_view reason) {
  std::vector<WatchedKey*> undecided;
  for (const auto& [digest, key] : keys_) {
    if (key->standing != Standing::decided) undecided.push_back(key.get());
  }
  for (auto* const key : undecided) end(*key, reason);
}

// ---- events

// `visit` may remove the key.
template <class Visit>
void Watches::for_each(std::uint64_t hash, Visit&& visit) {
  const auto group = groups_.find(hash);
  if (group == groups_.end()) return;
  for (auto next = group->second.begin(), end = group->second.end(); next != end;) {
    auto& key = *next->key;
    const bool is_last = ++next == end;  // the group ends with its last key
    visit(key);
    if (is_last) return;
  }
}

// The keys that the event concerns, unless their decision is newer.
template <class Visit>
void Watches::for_each_of(const Invalidation& event, Visit&& visit) {
  const Position at{event.epoch, event.sequence};
  if (!event.is_of_owner()) {
    return for_each(hash_key(event.key_id), [&](WatchedKey& key) {
      if (at > key.as_of || event.type == Invalidation::Type::key_revoked) visit(key);
    });
  }
  if (event.owner_id.empty()) return;
  const EventOwners owners(event);
  for_each(owners.rarest, [&](WatchedKey& key) {
    if (at > key.as_of && has_owners(key.ids.owners, owners.owners)) visit(key);
  });
}

void Watches::follow(const Follower::Actions& actions) {
  if (keys_.empty()) return;
  if (actions.flush) start_afresh();
  for (const auto& event : actions.apply) apply(event);
  for (const auto& event : actions.recheck) recheck(event);
  tell_all();
  ask_due();
}

void Watches::apply(const Invalidation& event) {
  using Type = Invalidation::Type;
  switch (event.type) {
    case Type::key_revoked:
    case Type::owner_revoked:
      return for_each_of(event, [this](WatchedKey& key) { end(key, to_string(State::revoked)); });
    case Type::owner_locked:
      return for_each_of(event, [this](WatchedKey& key) { end(key, to_string(State::locked)); });
    case Type::key_suspended:
      return for_each_of(event, [this](WatchedKey& key) { end(key, to_string(State::suspended)); });
    case Type::key_changed:
      return for_each_of(event, [this](WatchedKey& key) { recheck(key); });
    case Type::owner_unlocked:
      return;  // an active key stays active
    case Type::unknown:
      return start_afresh();
  }
}

// An unsigned event: its position proves nothing.
void Watches::recheck(const Invalidation& event) {
  if (!event.is_of_owner()) {
    for_each(hash_key(event.key_id), [this](WatchedKey& key) { recheck(key); });
  } else if (!event.owner_id.empty()) {
    const EventOwners owners(event);
    for_each(owners.rarest, [&](WatchedKey& key) {
      if (has_owners(key.ids.owners, owners.owners)) recheck(key);
    });
  }
}

// The answer to a question that is open is checked against the near cache when it arrives.
void Watches::recheck(WatchedKey& key) {
  if (key.standing != Standing::decided) return;
  key.standing = Standing::due;
  due_.push_back(key);
}

// Events may be missing, and positions may be of another history.
void Watches::start_afresh() {
  for (auto& [digest, key] : keys_) key->as_of = {};
  recheck_all();
}

void Watches::recheck_all() {
  for (auto& [digest, key] : keys_) recheck(*key);
}

// ---- questions

void Watches::ask_due() {
  if (is_asking_) return;  // an answer may come at once
  is_asking_ = true;
  while (!stopped_ && !due_.empty() && questions_open_ < max_questions &&
         engine::BootClock::now() >= paused_until_) {
    auto& key = due_.front();
    due_.pop_front();
    key.standing = Standing::asked;
    ++questions_open_;
    const auto question = std::make_shared<GatewayQuestions::Question>();
    question->digest = key.digest;
    question->secret = key.secret;
    question->lasts = true;
    question->done = [this, digest = key.digest, number = key.number](const Verdict& verdict) {
      on_answer(digest, number, verdict);
    };
    questions_.ask(question);
  }
  is_asking_ = false;
}

void Watches::on_answer(const engine::Digest& digest, std::uint64_t number, const Verdict& verdict) {
  --questions_open_;
  auto* const key = find(digest);
  if (key != nullptr && key->number == number && key->standing == Standing::asked)
    decide_again(*key, verdict);
  tell_all();
  ask_due();
}

void Watches::decide_again(WatchedKey& key, const Verdict& verdict) {
  const bool is_unanswered = !verdict.decision;
  if (is_unanswered && verdict.stale && when_stale_ == WhenStale::ask) return end_undecided(stale_reason);
  if (!is_unanswered && !is_active(verdict)) return end(key, to_string(verdict.decision->state));
  if (!is_unanswered && !cache_.have_ended(key.ids, verdict.decision->as_of))
    return decide(key, verdict.decision->as_of, verdict.decision->expires_at);
  key.standing = Standing::due;
  due_.push_back(key);
  if (is_unanswered) paused_until_ = engine::BootClock::now() + retry_after;
}

// ---- time

void Watches::tick(Monotonic now) {
  if (keys_.empty() || stopped_) return;
  const bool is_stale = state_.is_stale(now);
  if (is_stale && when_stale_ == WhenStale::deny) end_all(stale_reason);
  const auto engine_now = state_.engine_time(now);
  while (!expiring_.empty() && expiring_.begin()->first <= engine_now)
    end(*expiring_.begin()->second, to_string(State::expired));
  tell_all();
  if (is_stale && when_stale_ == WhenStale::ask && now >= next_round_) {
    next_round_ = now + round_period;
    recheck_all();
  }
  ask_due();
  set_timer(now);
}

// For what ends by time alone, as exactly as a check sees it: the tick comes later.
void Watches::set_timer(Monotonic now) {
  using std::chrono::milliseconds;
  auto next = Monotonic::max();
  if (!expiring_.empty())
    next = now +
           std::min(milliseconds(expiring_.begin()->first - state_.engine_time(now)), milliseconds(60'000));
  if (when_stale_ == WhenStale::deny) next = std::min(next, std::max(state_.lease_end(), now));
  if (next == Monotonic::max() || stopped_ || keys_.empty() || (timer_at_ > now && timer_at_ <= next)) return;
  timer_at_ = next;
  timer_.expires_after(next - now);
  timer_.async_wait([this](error_code error) {
    if (!error) tick(engine::BootClock::now());
  });
}

}  // namespace revoked::cache
