#pragma once
// One schedule in virtual time, generated from a seed: loss, duplication, reordering, delay, crashes and
// pauses, other engines, forgers and restored copies.

#include <array>
#include <cstring>
#include <iostream>
#include <memory>
#include <queue>
#include <random>

#include "tests/simulation/gateway_model.hpp"

namespace revoked::simulation {

class Simulation {
 public:
  // Calm: nothing fails, but forgers and other engines publish on the bus.
  Simulation(std::uint64_t seed, Faults faults, bool verbose = false, bool calm = false)
      : random_(seed),
        verbose_(verbose),
        calm_(calm),
        engine_(make_keys(), chance(50), [this] { return "j" + std::to_string(++ids_); }) {
    Follower::Options follower;
    follower.lease = std::chrono::milliseconds(lease);
    follower.repair_timeout = std::chrono::milliseconds(500);
    follower.max_pause = std::chrono::milliseconds(max_pause);
    follower.max_repair = chance(20) ? 3 : 1000;
    NearCache::Options cache;
    cache.max_entries = chance(20) ? 4 : 64;
    cache.max_marks = chance(20) ? 4 : 64;
    loss_ = calm_ ? 0 : pick(0, 3) * 15;
    duplicates_ = calm_ ? 0 : pick(0, 2) * 20;
    max_delay_ = !calm_ && pick(0, 1) ? max_bus_delay : 5;
    max_answer_delay_ = !calm_ && pick(0, 1) ? 900 : 10;
    delay_growth_ = !calm_ && chance(25) ? pick(200, 700) : 0;
    using Source = Follower::Source;
    source_ = calm_ ? Source::bus : std::array{Source::engine, Source::signed_bus, Source::bus}[pick(0, 2)];
    fed_ = source_ == Source::bus && chance(50);
    own_clock_ahead_ = chance(30) ? pick(-5000, 5000) : 0;
    for (int i = pick(1, 2); i > 0; --i) {
      gateways_.push_back(std::make_unique<GatewayModel>(follower, cache, faults));
      gateways_.back()->follower.set_fed(fed_);
      gateways_.back()->journal_of = [this](const Invalidation& event) { return journal_of(event); };
    }
    cut_until_.assign(gateways_.size(), 0);
  }

  // Returns descriptions of violations; empty: none.
  const std::vector<std::string>& run() {
    start_engine();
    every(heartbeat_interval, [this] { beat(); });
    every(25, [this] {
      if (now_ < chaos_end) change_something();
    });
    for (std::size_t g = 0; g < gateways_.size(); ++g) {
      every(50, [this, g] { deliver(g, [this, g] { request(g, gateways_[g]->tick(now_)); }); });
      every(500, [this, g] { begin(g); });
      every(20, [this, g] {
        if (now_ >= gateways_[g]->paused_until) look_up(g, pick_key());
      });
    }
    if (calm_ || (source_ == Follower::Source::bus && chance(40))) every(pick(20, 500), [this] { forge(); });
    if (source_ != Follower::Source::engine && (calm_ || chance(40))) {
      at(pick(0, 2000), [this] { start_stranger(); });
    }
    if (!calm_) make_chaos();
    at(chaos_end, [this] { heal(); });
    while (!events_.empty() && events_.top().when <= end && violations_.empty()) {
      auto event = std::move(const_cast<Event&>(events_.top()));
      events_.pop();
      now_ = event.when;
      event.action();
    }
    if (violations_.empty()) check_convergence();
    return violations_;
  }

  std::uint64_t look_ups() const { return look_ups_; }
  std::uint64_t allowed_from_cache() const { return allowed_; }
  std::uint64_t untrusting() const { return untrusting_; }
  int wrong_allows() const { return wrong_allows_; }

 private:
  void make_chaos() {
    for (int i = pick(0, 3); i > 0; --i) at(pick(100, chaos_end), [this] { crash(); });
    if (chance(25)) at(pick(1000, chaos_end - 200), [this] { restore(); });
    for (int i = pick(0, 3); i > 0; --i) at(pick(100, chaos_end), [this] { pause(pick_gateway()); });
    for (int i = pick(0, 3); i > 0; --i) {
      at(pick(100, chaos_end), [this] { cut_until_[pick_gateway()] = now_ + pick(50, 2500); });
    }
    if (chance(20)) {
      at(pick(100, chaos_end), [this] {
        clock_offset_ += pick(-5000, 5000);
        stepped_at_ = now_;
      });
    }
  }

  static constexpr Ms lease = 1000, max_pause = 300, heartbeat_interval = 300, max_bus_delay = 200;
  static constexpr Ms chaos_end = 5000, end = 9000;
  static constexpr Ms settled = 1500;
  static constexpr Ms skew = 50;  // clock skew that the follower tolerates
  static constexpr int key_count = 8;

  struct Event {
    Ms when;
    std::uint64_t order;
    std::function<void()> action;
    bool operator<(const Event& other) const {
      return when != other.when ? when > other.when : order > other.order;
    }
  };

  int pick(Ms from, Ms to) {
    return static_cast<int>(from + static_cast<Ms>(random_() % static_cast<std::uint64_t>(to - from + 1)));
  }
  bool chance(int percent) { return pick(0, 99) < percent; }
  std::size_t pick_key() { return static_cast<std::size_t>(pick(0, key_count - 1)); }
  std::size_t pick_gateway() {
    return static_cast<std::size_t>(pick(0, static_cast<int>(gateways_.size()) - 1));
  }
  // The engine's wall clock, and the gateways'.
  Ms wall() const { return 1'000'000 + now_ + clock_offset_; }
  Ms own_wall() const { return 1'000'000 + now_ + own_clock_ahead_; }

  void at(Ms when, std::function<void()> action) { events_.push({when, order_++, std::move(action)}); }
  void after(Ms delay, std::function<void()> action) { at(now_ + delay, std::move(action)); }
  void every(Ms interval, std::function<void()> action) {
    at(now_ + interval, [this, interval, action] {
      action();
      every(interval, action);
    });
  }

  template <class... Part>
  void log(const Part&... part) {
    if (!verbose_) return;
    std::cout << now_ << ' ';
    (std::cout << ... << part) << '\n';
  }
  static std::string text(Position position) { return engine::to_string(position); }
  static std::string text(const Message& m) {
    return text(Position{m.epoch, m.first}) + ".." + std::to_string(m.last) + (m.events.empty() ? "" : " !");
  }

  std::vector<Key> make_keys() {
    std::vector<Key> keys;
    for (int i = 0; i < key_count; ++i) {
      keys.push_back({"k" + std::to_string(i), "u" + std::to_string(i % 3), "w" + std::to_string(i % 2), {}});
      if (chance(15)) keys.back().expires_at = 1'000'000 + pick(500, end);
    }
    return keys;
  }
  static engine::Digest digest_of(std::size_t key) {
    engine::Digest digest{};
    const auto hash = (key + 1) * 0x9e3779b97f4a7c15u;
    std::memcpy(digest.data(), &hash, sizeof hash);
    return digest;
  }

  // --- the engine

  void start_engine() {
    tell_ours(engine_.restart(wall(), now_));
    sync_soon();
    log("engine up at ", text(engine_.end()), " ", engine_.journal_id());
  }
  void sync_soon() {
    after(pick(1, 40), [this, journal = engine_.journal_id(), last = engine_.published()] {
      engine_.sync(journal, last, now_);
    });
  }
  void beat() {
    if (engine_.is_up()) tell_ours(engine_.heartbeat(wall(), now_));
    if (stranger_) tell(stranger_->heartbeat(wall(), now_));
  }
  void crash() {
    if (!engine_.is_up() || now_ >= chaos_end) return;
    log("crash: published ", engine_.published(), ", durable ", engine_.durable());
    engine_.crash();
    after(pick(1, 1500), [this] {
      if (!engine_.is_up()) start_engine();
    });
  }

  // Replaces its directory by an older copy, and revokes the lost revocations again.
  void restore() {
    const auto copy = static_cast<Sequence>(pick(0, static_cast<int>(engine_.durable())));
    log("restored to ", copy, " of ", engine_.published());
    restored_at_ = now_;
    auto lost = engine_.restore(copy);
    after(pick(1, 50), [this, lost = std::move(lost)] {
      if (engine_.is_up()) return;
      start_engine();
      std::vector<EngineModel::Event> again;
      for (const auto& event : lost) {
        if (event.type != EngineModel::Event::Type::key_revoked || engine_.created_at(event.key) != 0)
          again.push_back(event);
      }
      if (again.empty()) return;
      tell_ours(engine_.append(again, wall(), now_));
      sync_soon();
    });
  }

  // Starts another engine on a copy of the directory, which diverges and publishes on the same channel.
  void start_stranger() {
    stranger_ = std::make_unique<EngineModel>(engine_);
    stranger_->crash();
    tell(stranger_->restart(wall(), now_));
    log("another engine at ", text(stranger_->end()), " ", stranger_->journal_id());
    every(pick(50, 400), [this] {
      using Type = EngineModel::Event::Type;
      std::vector<EngineModel::Event> batch;
      for (int i = pick(1, 4); i > 0; --i) {
        batch.push_back({chance(20) ? Type::key_revoked : Type::key_created, pick_key(), {}, {}});
      }
      const auto message = stranger_->append(batch, wall(), now_);
      if (now_ < chaos_end) tell(message);
    });
  }

  // An attacker who reads the channel and may publish on it.
  void forge() {
    if (!engine_.is_up() || now_ >= chaos_end) return;
    auto message = engine_.heartbeat(chance(30) ? 253'402'300'799'000 : wall(), now_);
    if (chance(20)) message.up = std::uint64_t{1} << 62;
    if (chance(10)) message.journal = "forged";
    if (chance(10)) message.epoch = chance(50) ? message.epoch + 1 : std::uint64_t{1} << 62;
    const auto beyond = chance(10) ? std::uint64_t{1} << 62 : static_cast<std::uint64_t>(pick(0, 9));
    message.last += beyond;
    message.first =
        chance(40) ? message.last + 1 : std::max<Sequence>(1, message.last - std::min<Sequence>(beyond, 9));
    if (message.first <= message.last && chance(50)) {
      auto& event = message.events.emplace_back();
      event.sequence = message.last;
      event.epoch = message.epoch;
      const auto& key = engine_.keys()[pick_key()];
      event.type =
          std::array{Invalidation::Type::key_revoked, Invalidation::Type::owner_revoked,
                     Invalidation::Type::owner_locked, Invalidation::Type::owner_unlocked}[pick(0, 3)];
      if (chance(10)) event.type = Invalidation::Type::unknown;
      event.key_id = key.id;
      event.owner_id = key.user;
    }
    log("forged ", text(message));
    tell(message);
  }

  std::string journal_of(const Invalidation& event) const {
    const auto* const entry = engine_.entry(event.sequence);
    if (entry == nullptr || entry->epoch != event.epoch) return {};
    if (EngineModel::told_as(entry->event.type) != event.type) return {};
    const bool is_key = event.type == Invalidation::Type::key_revoked;
    const bool is_it = is_key ? engine_.keys()[entry->event.key].id == event.key_id
                              : entry->event.scope == event.scope && entry->event.owner == event.owner_id;
    return is_it ? entry->journal : std::string();
  }

  void change_something() {
    if (!engine_.is_up() || !chance(30)) return;
    std::vector<EngineModel::Event> batch;
    for (int i = pick(1, 3); i > 0; --i) {
      using Type = EngineModel::Event::Type;
      const auto key = pick_key();
      const bool created = engine_.created_at(key) != 0;
      if (!created && chance(80)) {
        const bool twice =
            std::any_of(batch.begin(), batch.end(), [&](const auto& e) { return e.key == key; });
        if (!twice) batch.push_back({Type::key_created, key, {}, {}});
      } else if (created && chance(40) && !engine_.revocation_of(key)) {
        batch.push_back({Type::key_revoked, key, {}, {}});
      } else if (chance(10)) {
        const bool user = chance(70);
        const auto& owner = engine_.keys()[key];
        batch.push_back({Type::owner_revoked, key_count, user ? Scope::user : Scope::workspace,
                         user ? owner.user : owner.workspace});
      } else if (chance(15)) {
        const bool user = chance(70);
        const auto& owner = engine_.keys()[key];
        const auto type = chance(40) ? Type::owner_locked : Type::owner_unlocked;
        batch.push_back({type, key_count, user ? Scope::user : Scope::workspace,
                         user ? owner.user : owner.workspace,
                         chance(70) ? EngineModel::forever : wall() + pick(100, 3000)});
      }
    }
    if (batch.empty()) return;
    const auto message = engine_.append(batch, wall(), now_);
    log("published ", text(message));
    tell_ours(message);
    sync_soon();
  }

  // --- the network

  void tell(const Message& message) {
    for (std::size_t g = 0; g < gateways_.size(); ++g) {
      int copies = 1 + (chance(duplicates_) ? 1 : 0);
      for (; copies > 0; --copies) {
        if (now_ >= cut_until_[g] && !chance(loss_)) carry(g, message, source_);
      }
    }
  }
  // Publishes a message of the engine, also to readers of its stream.
  void tell_ours(const Message& message) {
    tell(message);
    if (!fed_) return;
    for (std::size_t g = 0; g < gateways_.size(); ++g) {
      if (now_ >= cut_until_[g]) carry(g, message, Follower::Source::engine);
    }
  }
  void carry(std::size_t g, const Message& message, Follower::Source source) {
    after(pick(0, max_delay_) + late(), [this, g, message, source] {
      deliver(g, [this, g, message, source] {
        const auto up = static_cast<Ms>(engine_.heartbeat(0, now_).up.value());
        request(g, gateways_[g]->on_message(message, source, now_, up));
        log("gateway ", g, " received ", text(message), state(g));
      });
    });
  }

  // Growing delay of a link.
  Ms late() const { return now_ < chaos_end ? now_ * delay_growth_ / 1000 : 0; }

  // Runs `action` when the gateway runs; arrivals during a pause run in order, with look-ups in between.
  void deliver(std::size_t g, std::function<void()> action) {
    auto& gateway = *gateways_[g];
    if (now_ >= gateway.paused_until && gateway.inbox.empty()) return action();
    gateway.inbox.push_back(std::move(action));
  }
  void pause(std::size_t g) {
    auto& gateway = *gateways_[g];
    if (now_ < gateway.paused_until || now_ >= chaos_end) return;
    gateway.paused_until = now_ + pick(50, 2500);
    log("gateway ", g, " paused until ", gateway.paused_until);
    at(gateway.paused_until, [this, g] { resume(g); });
  }
  void resume(std::size_t g) {
    auto& inbox = gateways_[g]->inbox;
    log("gateway ", g, " resumes");
    look_up_all(g);
    while (!inbox.empty()) {
      const auto action = std::move(inbox.front());
      inbox.pop_front();
      action();
      look_up(g, pick_key());
    }
  }

  void request(std::size_t g, std::optional<Position> asked) {
    if (!asked) return;
    log("gateway ", g, " asks after ", text(*asked));
    const auto journal = gateways_[g]->faults.ignores_journals ? "" : gateways_[g]->follower.journal();
    after(pick(0, max_delay_), [this, g, position = *asked, journal] {
      if (now_ < cut_until_[g] || !engine_.is_up() || chance(loss_ / 2)) {
        after(pick(1, 800),
              [this, g] { deliver(g, [this, g] { request(g, gateways_[g]->on_page_failed(now_)); }); });
        return;
      }
      auto after_position = position;
      if (gateways_[g]->faults.ignores_epochs) after_position.epoch = engine_.epoch();
      const auto known = gateways_[g]->faults.ignores_epochs ? std::string() : journal;
      auto answer = engine_.read(after_position, known, pick(1, 4), wall(), now_);
      after(pick(0, max_answer_delay_), [this, g, answer = std::move(answer)] {
        deliver(g, [this, g, answer] {
          request(g, gateways_[g]->on_page(answer, now_));
          log("gateway ", g, answer.gone ? " gone, now " : " page to ", text(answer.page.position), state(g));
        });
      });
    });
  }
  // Without a position a gateway asks for the engine's.
  void begin(std::size_t g) {
    if (gateways_[g]->follower.position() || !engine_.is_up() || now_ < cut_until_[g]) return;
    auto answer = engine_.read(engine_.end(), {}, 1, wall(), now_);
    after(pick(0, max_answer_delay_), [this, g, answer = std::move(answer)] {
      deliver(g, [this, g, answer] {
        if (!gateways_[g]->follower.position()) request(g, gateways_[g]->on_page(answer, now_));
      });
    });
  }
  std::string state(std::size_t g) const {
    const auto& follower = gateways_[g]->follower;
    return " -> " + (follower.position() ? text(*follower.position()) : "none") +
           (follower.trusts_cache() ? "" : " repairing") + (follower.is_stale(at_ms(now_)) ? " stale" : "") +
           " clock " + std::to_string(follower.engine_time(at_ms(now_)).value_or(wall()) - wall());
  }

  // --- look-ups

  void look_up(std::size_t g, std::size_t key) {
    using Answer = GatewayModel::Answer;
    ++look_ups_;
    auto& gateway = *gateways_[g];
    const auto answer = gateway.look_up(digest_of(key), now_, own_wall());
    if (calm_ && now_ > settled && answer == Answer::denied_stale)
      fail(g, key, "nothing because it is stale");
    if (answer == Answer::ask_and_drop) ++untrusting_;
    if (answer == Answer::allowed) return check_allowed(g, key, now_, true);
    if ((answer != Answer::ask_and_keep && answer != Answer::ask_and_drop) || now_ < cut_until_[g]) return;
    if (const auto running = gateway.running_question(key)) return running->begun.push_back(now_);
    put(g, key, gateway.put_question(key, false, {now_}));
  }
  void put(std::size_t g, std::size_t key, std::shared_ptr<GatewayModel::Question> question) {
    after(pick(0, max_delay_), [this, g, key, question] {
      if (!engine_.is_up()) return gateways_[g]->end_question(key, question);
      after(pick(0, max_answer_delay_), [this, g, key, question, decision = engine_.verify(key, wall())] {
        deliver(g, [this, g, key, question, decision] { take_answer(g, key, question, decision); });
      });
    });
  }
  void take_answer(std::size_t g, std::size_t key, const std::shared_ptr<GatewayModel::Question>& question,
                   const Decision& decision) {
    auto& gateway = *gateways_[g];
    gateway.end_question(key, question);
    request(g, gateway.on_decision(decision, now_));
    const auto use = gateway.take_answer(*question, digest_of(key), decision);
    if (use == GatewayModel::Use::ask_again)
      return put(g, key, gateway.put_question(key, true, std::move(question->begun)));
    if (use == GatewayModel::Use::unanswered || decision.state != Decision::State::active) return;
    for (const auto begun : question->begun) check_allowed(g, key, begun, false);
  }
  void look_up_all(std::size_t g) {
    for (std::size_t key = 0; key < key_count; ++key) look_up(g, key);
  }

  // Verifies a check that was allowed and began at `begun`.
  void check_allowed(std::size_t g, std::size_t key, Ms begun, bool from_cache) {
    if (from_cache) ++allowed_;
    const auto created = engine_.created_at(key);
    const auto& expires_at = engine_.keys()[key].expires_at;
    const bool has_heard_the_time = now_ > stepped_at_ + lease + skew;
    if (from_cache && has_heard_the_time && expires_at && wall() >= *expires_at)
      fail(g, key, "after it had expired");
    const auto& heard = gateways_[g]->heard;
    for (Sequence s = 1; s <= engine_.published(); ++s) {
      if (!engine_.revokes(s, key, created)) continue;
      const auto& entry = *engine_.entry(s);
      const auto heard_at = heard.find({entry.journal, s});
      if (heard_at != heard.end() && (from_cache || heard_at->second < begun))
        fail(g, key, "after its revocation was received");
      if (from_cache && entry.durable_at >= 0 && now_ > entry.durable_at + lease + skew)
        fail(g, key, "a lease after its revocation was acknowledged");
    }
    check_locks(g, key, begun, from_cache);
  }
  // Verifies that the gateway could not have known a lock. A lock holds until its end is published; locks
  // restored by an older copy are not checked.
  void check_locks(std::size_t g, std::size_t key, Ms begun, bool from_cache) {
    if (restored_at_ >= 0 && now_ <= restored_at_ + lease + skew) return;
    const auto& owners = engine_.keys()[key];
    for (const auto& lock :
         {engine_.lock_of(Scope::user, owners.user), engine_.lock_of(Scope::workspace, owners.workspace)}) {
      if (lock.until == 0 || lock.lifted_by != 0 || is_over(lock.until)) continue;
      const auto& entry = *engine_.entry(lock.locked_by);
      const auto heard_at = gateways_[g]->heard.find({entry.journal, lock.locked_by});
      if (heard_at != gateways_[g]->heard.end() && (from_cache || heard_at->second < begun))
        fail(g, key, "after its lock was received");
      if (from_cache && entry.durable_at >= 0 && now_ > entry.durable_at + lease + skew)
        fail(g, key, "a lease after its lock was acknowledged");
    }
  }
  // True if it may be over by one of the clocks.
  bool is_over(Ms until) const {
    return until != EngineModel::forever && (stepped_at_ > 0 || until <= wall() + skew);
  }
  void fail(std::size_t g, std::size_t key, const std::string& what) {
    ++wrong_allows_;
    violations_.push_back("at " + std::to_string(now_) + " ms gateway " + std::to_string(g) + " allowed " +
                          engine_.keys()[key].id + " " + what);
    log(violations_.back());
  }

  // --- final checks

  void heal() {
    loss_ = duplicates_ = 0;
    max_delay_ = max_answer_delay_ = 5;
    cut_until_.assign(gateways_.size(), 0);
    log("healed");
  }

  void check_convergence() {
    for (std::size_t g = 0; g < gateways_.size(); ++g) {
      auto& gateway = *gateways_[g];
      if (gateway.follower.position() != engine_.end() || !gateway.follower.trusts_cache() ||
          gateway.follower.is_stale(at_ms(now_))) {
        violations_.push_back("gateway " + std::to_string(g) + " did not converge on " + text(engine_.end()) +
                              state(g));
      }
      for (std::size_t key = 0; key < key_count; ++key) {
        using Answer = GatewayModel::Answer;
        const auto truth = engine_.verify(key, wall());
        auto answer = gateway.look_up(digest_of(key), now_, own_wall());
        if (answer == Answer::ask_and_keep) {
          gateway.keep(digest_of(key), truth, gateway.cache.moment());
          answer = gateway.look_up(digest_of(key), now_, own_wall());
        }
        const bool active = truth.state == Decision::State::active;
        // A gateway uses an upper bound of the engine's clock, so keys expire slightly earlier.
        if (active && truth.expires_at && *truth.expires_at < wall() + skew) continue;
        // A key whose lock had ended before the engine's clock was set back was asked about then.
        if (truth.locked_until && is_over(*truth.locked_until)) continue;
        if (active != (answer == Answer::allowed)) {
          violations_.push_back("in the end gateway " + std::to_string(g) +
                                (active ? " denies " : " allows ") + engine_.keys()[key].id);
        }
      }
    }
    for (const auto& violation : violations_) log(violation);
  }

  std::mt19937_64 random_;
  bool verbose_;
  bool calm_;
  int ids_ = 0;
  EngineModel engine_;
  std::unique_ptr<EngineModel> stranger_;
  std::vector<std::unique_ptr<GatewayModel>> gateways_;
  std::vector<Ms> cut_until_;
  int loss_ = 0, duplicates_ = 0;
  Ms max_delay_ = 0, max_answer_delay_ = 0;
  Ms delay_growth_ = 0;  // milliseconds per second
  Follower::Source source_ = Follower::Source::engine;
  bool fed_ = false;  // the gateways read the engine's stream as well
  Ms clock_offset_ = 0, own_clock_ahead_ = 0;
  Ms stepped_at_ = -end;
  Ms restored_at_ = -1;
  Ms now_ = 0;
  std::uint64_t order_ = 0, look_ups_ = 0, allowed_ = 0, untrusting_ = 0;
  int wrong_allows_ = 0;
  std::priority_queue<Event> events_;
  std::vector<std::string> violations_;
};

}  // namespace revoked::simulation
