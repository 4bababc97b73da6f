#pragma once
// One schedule in virtual time, generated from a seed: loss, duplication, reordering, delay, crashes and
// pauses, other engines, forgers and restored copies.

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/followers.hpp"
#include "tests/simulation/gateway_model.hpp"
#include "tests/simulation/oracle.hpp"
#include "tests/simulation/publishers.hpp"
#include "tests/simulation/schedule.hpp"

namespace revoked::simulation {

// Calm: nothing fails, but forgers and other engines publish on the bus. Several: engines share the journal.
enum class Kind { one_engine, calm, several_engines };

class Simulation {
 public:
  Simulation(std::uint64_t seed, Faults faults, bool verbose = false, Kind kind = Kind::one_engine)
      : schedule_(seed, verbose),
        calm_(kind == Kind::calm),
        several_(kind == Kind::several_engines),
        publishers_(
            schedule_, [this](const Message& message) { publish_ours(message); },
            [this](const Message& message) { publish(message); }),
        followers_(schedule_, publishers_, several_ ? schedule_.pick(1, 2) : 0),
        oracle_(schedule_, publishers_, several_ ? Followers::most_lag : 0) {
    Follower::Options follower;
    follower.lease = std::chrono::milliseconds(lease);
    follower.repair_timeout = std::chrono::milliseconds(500);
    follower.max_pause = std::chrono::milliseconds(max_pause);
    follower.max_repair = schedule_.chance(20) ? 3 : 1000;
    NearCache::Options cache;
    cache.max_entries = schedule_.chance(20) ? 4 : 64;
    cache.max_marks = schedule_.chance(20) ? 4 : 64;
    loss_ = calm_ ? 0 : schedule_.pick(0, 3) * 15;
    duplicates_ = calm_ ? 0 : schedule_.pick(0, 2) * 20;
    max_delay_ = !calm_ && schedule_.pick(0, 1) ? max_bus_delay : 5;
    max_answer_delay_ = !calm_ && schedule_.pick(0, 1) ? 900 : 10;
    delay_growth_ = !calm_ && schedule_.chance(several_ ? 60 : 25) ? schedule_.pick(200, 700) : 0;
    using Source = Follower::Source;
    source_ = calm_ ? Source::bus
                    : std::array{Source::engine, Source::signed_bus, Source::bus}[schedule_.pick(0, 2)];
    if (several_) {
      source_ = schedule_.chance(50) ? Source::signed_bus : Source::bus;
      follower.has_several_engines = true;
      publishers_.share_journal();
    }
    fed_ = several_ || (source_ == Source::bus && schedule_.chance(50));
    own_clock_ahead_ = schedule_.chance(30) ? schedule_.pick(-5000, 5000) : 0;
    for (int i = schedule_.pick(1, 2); i > 0; --i) {
      const auto name = "gateway " + std::to_string(gateways_.size());
      gateways_.push_back(std::make_unique<GatewayModel>(name, follower, cache, faults));
      gateways_.back()->follower.set_fed(fed_);
      if (several_) gateways_.back()->engine = schedule_.pick_index(followers_.count() + 1);
      gateways_.back()->on_engine_behind = [this, g = gateways_.size() - 1] {
        schedule_.after(0, [this, g, used = gateways_[g]->engine] { leave_engine(g, used); });
      };
      gateways_.back()->journal_of = [this](const Invalidation& e) { return publishers_.journal_of(e); };
    }
    cut_until_.assign(gateways_.size(), 0);
  }

  // Returns descriptions of violations; empty: none.
  const std::vector<std::string>& run() {
    publishers_.start_engine();
    schedule_.every(heartbeat_interval, [this] { publishers_.send_heartbeats(); });
    schedule_.every(25, [this] {
      if (schedule_.now() < chaos_end) publishers_.change_something();
    });
    for (std::size_t g = 0; g < gateways_.size(); ++g) {
      schedule_.every(
          50, [this, g] { deliver(g, [this, g] { request(g, gateways_[g]->tick(schedule_.now())); }); });
      schedule_.every(500, [this, g] { begin(g); });
      schedule_.every(20, [this, g] {
        if (schedule_.now() >= gateways_[g]->paused_until) look_up(g, schedule_.pick_key());
      });
    }
    if (calm_ || (source_ == Follower::Source::bus && schedule_.chance(40)))
      schedule_.every(schedule_.pick(20, 500), [this] { publishers_.forge(); });
    if (source_ != Follower::Source::engine && (calm_ || schedule_.chance(40))) {
      schedule_.at(schedule_.pick(0, 2000), [this] { publishers_.start_other_engine(); });
    }
    if (several_) {
      schedule_.every(5, [this] { followers_.record(); });
      for (std::size_t g = 0; g < gateways_.size(); ++g) {
        schedule_.every(20, [this, g] { stream(g, false); });
        schedule_.every(heartbeat_interval, [this, g] { stream(g, true); });
      }
    }
    if (!calm_) make_chaos();
    schedule_.at(chaos_end, [this] { heal(); });
    while (oracle_.violations().empty() && schedule_.run_next(end)) continue;
    if (oracle_.violations().empty()) {
      for (const auto& gateway : gateways_) oracle_.check_convergence(*gateway, own_wall());
    }
    return oracle_.violations();
  }

  std::uint64_t look_ups() const { return look_ups_; }
  std::uint64_t allowed_from_cache() const { return allowed_; }
  std::uint64_t untrusting() const { return untrusting_; }
  int wrong_allows() const { return oracle_.wrong_allows(); }

 private:
  void make_chaos() {
    for (int i = schedule_.pick(0, 3); i > 0; --i)
      schedule_.at(schedule_.pick(100, chaos_end), [this] { publishers_.crash(); });
    if (!several_ && schedule_.chance(25))
      schedule_.at(schedule_.pick(1000, chaos_end - 200), [this] { publishers_.restore(); });
    for (int i = several_ ? schedule_.pick(0, 8) : 0; i > 0; --i)
      schedule_.at(schedule_.pick(100, chaos_end), [this] { followers_.disturb(); });
    for (int i = schedule_.pick(0, 3); i > 0; --i)
      schedule_.at(schedule_.pick(100, chaos_end), [this] { pause(pick_gateway()); });
    for (int i = schedule_.pick(0, 3); i > 0; --i) {
      schedule_.at(schedule_.pick(100, chaos_end),
                   [this] { cut_until_[pick_gateway()] = schedule_.now() + schedule_.pick(50, 2500); });
    }
    if (schedule_.chance(20)) {
      schedule_.at(schedule_.pick(100, chaos_end), [this] { publishers_.step_clock(); });
    }
  }

  std::size_t pick_gateway() {
    return static_cast<std::size_t>(schedule_.pick(0, static_cast<int>(gateways_.size()) - 1));
  }
  const EngineModel& engine() const { return publishers_.engine(); }
  // The gateways' wall clock.
  Ms own_wall() const { return 1'000'000 + schedule_.now() + own_clock_ahead_; }

  // --- the network

  void publish(const Message& message) {
    for (std::size_t g = 0; g < gateways_.size(); ++g) {
      int copies = 1 + (schedule_.chance(duplicates_) ? 1 : 0);
      for (; copies > 0; --copies) {
        if (schedule_.now() >= cut_until_[g] && !schedule_.chance(loss_)) transmit(g, message, source_);
      }
    }
  }

  // Publishes a message of the engine, also to readers of its stream.
  void publish_ours(const Message& message) {
    publish(message);
    if (!fed_) return;
    for (std::size_t g = 0; g < gateways_.size(); ++g) {
      if (schedule_.now() >= cut_until_[g] && gateways_[g]->engine == 0)
        transmit(g, message, Follower::Source::engine);
    }
  }

  // What a follower's stream has for the gateway that uses it.
  void stream(std::size_t g, bool is_heartbeat) {
    auto& gateway = *gateways_[g];
    const auto position = gateway.follower.position();
    if (gateway.engine == 0 || !position || schedule_.now() < cut_until_[g]) return;
    const auto* const follower = answering(g);
    if (follower == nullptr) return leave_engine(g, gateway.engine);
    const auto source = Follower::Source::engine;
    if (is_heartbeat) return transmit(g, follower->heartbeat(publishers_.wall(), schedule_.now()), source);
    const auto answer =
        follower->read(*position, gateway.follower.journal(), 4, publishers_.wall(), schedule_.now());
    for (const auto& message : answer.page.messages) transmit(g, message, source);
  }

  // The engine that the gateway uses, as it is now; null: it does not serve.
  const EngineModel* answering(std::size_t g) {
    const auto number = gateways_[g]->engine;
    if (number == 0) return engine().is_up() ? &engine() : nullptr;
    found_ = followers_.find(number - 1);
    return found_ ? &*found_ : nullptr;
  }

  // `used` has failed.
  void change_engine(std::size_t g, std::size_t used) {
    auto& gateway = *gateways_[g];
    if (!several_ || gateway.engine != used) return;
    gateway.engine = (used + 1) % (followers_.count() + 1);
    schedule_.log(gateway.name, " uses engine ", gateway.engine);
    request(g, gateway.on_engine_changed(schedule_.now()));
  }
  void leave_engine(std::size_t g, std::size_t used) {
    deliver(g, [this, g, used] { change_engine(g, used); });
  }

  void transmit(std::size_t g, const Message& message, Follower::Source source) {
    const auto used = gateways_[g]->engine;
    schedule_.after(schedule_.pick(0, max_delay_) + late(), [this, g, message, source, used] {
      deliver(g, [this, g, message, source, used] {
        if (source == Follower::Source::engine && gateways_[g]->engine != used) return;  // it is closed
        const auto up = static_cast<Ms>(engine().heartbeat(0, schedule_.now()).up.value());
        request(g, gateways_[g]->on_message(message, source, schedule_.now(), up));
        schedule_.log(gateways_[g]->name, " received ", text(message), oracle_.describe(*gateways_[g]));
      });
    });
  }

  // Growing delay of a link.
  Ms late() const { return schedule_.now() < chaos_end ? schedule_.now() * delay_growth_ / 1000 : 0; }

  // Runs `action` when the gateway runs; arrivals during a pause run in order, with look-ups in between.
  void deliver(std::size_t g, std::function<void()> action) {
    auto& gateway = *gateways_[g];
    if (schedule_.now() >= gateway.paused_until && gateway.inbox.empty()) return action();
    gateway.inbox.push_back(std::move(action));
  }

  void pause(std::size_t g) {
    auto& gateway = *gateways_[g];
    if (schedule_.now() < gateway.paused_until || schedule_.now() >= chaos_end) return;
    gateway.paused_until = schedule_.now() + schedule_.pick(50, 2500);
    schedule_.log(gateways_[g]->name, " paused until ", gateway.paused_until);
    schedule_.at(gateway.paused_until, [this, g] { resume(g); });
  }

  void resume(std::size_t g) {
    auto& inbox = gateways_[g]->inbox;
    schedule_.log(gateways_[g]->name, " resumes");
    look_up_all(g);
    while (!inbox.empty()) {
      const auto action = std::move(inbox.front());
      inbox.pop_front();
      action();
      look_up(g, schedule_.pick_key());
    }
  }

  void request(std::size_t g, std::optional<Position> asked) {
    if (!asked) return;
    schedule_.log(gateways_[g]->name, " asks after ", text(*asked));
    const auto journal = gateways_[g]->faults.ignores_journals ? "" : gateways_[g]->follower.journal();
    schedule_.after(
        schedule_.pick(0, max_delay_), [this, g, position = *asked, journal, used = gateways_[g]->engine] {
          const auto* const answers = gateways_[g]->engine == used ? answering(g) : nullptr;
          if (schedule_.now() < cut_until_[g] || answers == nullptr || schedule_.chance(loss_ / 2))
            return schedule_.after(schedule_.pick(1, several_ ? 100 : 800),
                                   [this, g, used] { fail_page(g, used); });
          auto after_position = position;
          if (gateways_[g]->faults.ignores_epochs) after_position.epoch = engine().epoch();
          const auto known = gateways_[g]->faults.ignores_epochs ? std::string() : journal;
          auto answer =
              answers->read(after_position, known, schedule_.pick(1, 4), publishers_.wall(), schedule_.now());
          schedule_.after(schedule_.pick(0, max_answer_delay_), [this, g, used, answer = std::move(answer)] {
            if (gateways_[g]->engine != used) return fail_page(g, used);
            deliver(g, [this, g, answer] {
              request(g, gateways_[g]->on_page(answer, schedule_.now()));
              schedule_.log(gateways_[g]->name, answer.gone ? " gone, now " : " page to ",
                            text(answer.page.position), oracle_.describe(*gateways_[g]));
            });
          });
        });
  }
  void fail_page(std::size_t g, std::size_t used) {
    deliver(g, [this, g, used] {
      change_engine(g, used);
      request(g, gateways_[g]->on_page_failed(schedule_.now()));
    });
  }

  // Without a position a gateway asks for the engine's.
  void begin(std::size_t g) {
    if (gateways_[g]->follower.position() || schedule_.now() < cut_until_[g]) return;
    const auto* const answers = answering(g);
    if (answers == nullptr) return leave_engine(g, gateways_[g]->engine);
    auto answer = answers->read(answers->end(), {}, 1, publishers_.wall(), schedule_.now());
    schedule_.after(schedule_.pick(0, max_answer_delay_), [this, g, answer = std::move(answer)] {
      deliver(g, [this, g, answer] {
        if (!gateways_[g]->follower.position()) request(g, gateways_[g]->on_page(answer, schedule_.now()));
      });
    });
  }

  // --- look-ups

  void look_up(std::size_t g, std::size_t key) {
    using Answer = GatewayModel::Answer;
    ++look_ups_;
    auto& gateway = *gateways_[g];
    const auto answer = gateway.look_up(digest_of(key), schedule_.now(), own_wall());
    if (calm_ && schedule_.now() > time_to_converge && answer == Answer::denied_stale)
      oracle_.fail(gateway, key, "nothing because it is stale");
    if (answer == Answer::ask_and_drop) ++untrusting_;
    if (answer == Answer::allowed) {
      ++allowed_;
      return oracle_.check_allowed(gateway, key, schedule_.now(), true);
    }
    if ((answer != Answer::ask_and_keep && answer != Answer::ask_and_drop) || schedule_.now() < cut_until_[g])
      return;
    if (const auto running = gateway.running_question(key)) return running->begun.push_back(schedule_.now());
    send(g, key, gateway.new_question(key, false, {schedule_.now()}));
  }

  void send(std::size_t g, std::size_t key, std::shared_ptr<GatewayModel::Question> question) {
    schedule_.after(schedule_.pick(0, max_delay_), [this, g, key, question] {
      const auto used = gateways_[g]->engine;
      const auto* const answers = answering(g);
      if (answers == nullptr) {
        gateways_[g]->end_question(key, question);
        return leave_engine(g, used);
      }
      schedule_.after(schedule_.pick(0, max_answer_delay_),
                      [this, g, key, question, used, decision = answers->verify(key, publishers_.wall())] {
                        if (gateways_[g]->engine != used) return gateways_[g]->end_question(key, question);
                        deliver(
                            g, [this, g, key, question, decision] { on_answer(g, key, question, decision); });
                      });
    });
  }

  void on_answer(std::size_t g, std::size_t key, const std::shared_ptr<GatewayModel::Question>& question,
                 const Decision& decision) {
    auto& gateway = *gateways_[g];
    gateway.end_question(key, question);
    request(g, gateway.on_decision(decision, schedule_.now()));
    const auto use = gateway.on_answer(*question, digest_of(key), decision);
    if (use == GatewayModel::Use::ask_again)
      return send(g, key, gateway.new_question(key, true, std::move(question->begun)));
    if (use == GatewayModel::Use::unanswered || decision.state != Decision::State::active) return;
    for (const auto begun : question->begun) oracle_.check_allowed(gateway, key, begun, false);
  }

  void look_up_all(std::size_t g) {
    for (std::size_t key = 0; key < key_count; ++key) look_up(g, key);
  }

  // --- final checks

  void heal() {
    loss_ = duplicates_ = 0;
    max_delay_ = max_answer_delay_ = 5;
    cut_until_.assign(gateways_.size(), 0);
    schedule_.log("healed");
  }

  static constexpr Ms time_to_converge = 1500;

  Schedule schedule_;
  bool calm_;
  bool several_;
  Publishers publishers_;
  Followers followers_;
  Oracle oracle_;
  std::vector<std::unique_ptr<GatewayModel>> gateways_;
  std::vector<Ms> cut_until_;
  std::optional<EngineModel> found_;  // a follower's state
  int loss_ = 0, duplicates_ = 0;
  Ms max_delay_ = 0, max_answer_delay_ = 0;
  Ms delay_growth_ = 0;  // milliseconds per second
  Follower::Source source_ = Follower::Source::engine;
  bool fed_ = false;  // the gateways read the engine's stream as well
  Ms own_clock_ahead_ = 0;
  std::uint64_t look_ups_ = 0, allowed_ = 0, untrusting_ = 0;
};

}  // namespace revoked::simulation
