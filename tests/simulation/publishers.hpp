#pragma once
// All that publish on the bus: the engine, another engine that works on a copy of its directory, and a
// forger.

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/engine_model.hpp"
#include "tests/simulation/schedule.hpp"

namespace revoked::simulation {

class Publishers {
 public:
  using Publish = std::function<void(const Message&)>;
  Publishers(Schedule& schedule, Publish publish_ours, Publish publish_others)
      : schedule_(schedule),
        publish_ours_(std::move(publish_ours)),
        publish_others_(std::move(publish_others)),
        engine_(make_keys(), schedule.chance(50), [this] { return "j" + std::to_string(++ids_); }) {}
  Publishers(const Publishers&) = delete;

  const EngineModel& engine() const { return engine_; }
  // The engine is the leader of several from now on: its epochs begin with a durable entry.
  void share_journal() {
    engine_.name_clock();
    shares_journal_ = true;
  }

  // The engine's wall clock, when it was last set, and when an older copy replaced its directory.
  Ms wall() const { return 1'000'000 + schedule_.now() + clock_offset_; }
  Ms stepped_at() const { return stepped_at_; }
  Ms restored_at() const { return restored_at_; }
  void step_clock() {
    clock_offset_ += schedule_.pick(-5000, 5000);
    stepped_at_ = schedule_.now();
  }

  void start_engine() {
    const auto beginning = engine_.restart(wall(), schedule_.now());
    if (shares_journal_) engine_.sync(engine_.journal_id(), engine_.published(), schedule_.now());
    publish_ours_(beginning);
    sync_soon();
    schedule_.log("engine up at ", text(engine_.end()), " ", engine_.journal_id());
  }

  void send_heartbeats() {
    if (engine_.is_up()) publish_ours_(engine_.heartbeat(wall(), schedule_.now()));
    if (other_engine_) publish_others_(other_engine_->heartbeat(wall(), schedule_.now()));
  }

  void crash() {
    if (!engine_.is_up() || schedule_.now() >= chaos_end) return;
    schedule_.log("crash: published ", engine_.published(), ", durable ", engine_.durable());
    engine_.crash();
    schedule_.after(schedule_.pick(1, 1500), [this] {
      if (!engine_.is_up()) start_engine();
    });
  }

  // Replaces its directory by an older copy, and revokes the lost revocations again.
  void restore() {
    const auto copy = static_cast<Sequence>(schedule_.pick(0, static_cast<int>(engine_.durable())));
    schedule_.log("restored to ", copy, " of ", engine_.published());
    restored_at_ = schedule_.now();
    auto lost = engine_.restore(copy);
    schedule_.after(schedule_.pick(1, 50), [this, lost = std::move(lost)] {
      if (engine_.is_up()) return;
      start_engine();
      std::vector<EngineModel::Event> again;
      for (const auto& event : lost) {
        if (event.type != EngineModel::Event::Type::key_revoked || engine_.created_at(event.key) != 0)
          again.push_back(event);
      }
      if (again.empty()) return;
      publish_ours_(engine_.append(again, wall(), schedule_.now()));
      sync_soon();
    });
  }

  void change_something() {
    if (!engine_.is_up() || !schedule_.chance(30)) return;
    std::vector<EngineModel::Event> batch;
    for (int i = schedule_.pick(1, 3); i > 0; --i) {
      using Type = EngineModel::Event::Type;
      const auto key = schedule_.pick_key();
      const bool created = engine_.created_at(key) != 0;
      if (!created && schedule_.chance(80)) {
        const bool twice =
            std::any_of(batch.begin(), batch.end(), [&](const auto& e) { return e.key == key; });
        if (!twice) batch.push_back({Type::key_created, key, {}, {}});
      } else if (created && schedule_.chance(40) && !engine_.revocation_of(key)) {
        batch.push_back({Type::key_revoked, key, {}, {}});
      } else if (schedule_.chance(10)) {
        const bool user = schedule_.chance(70);
        const auto& owner = engine_.keys()[key];
        batch.push_back({Type::owner_revoked, key_count, user ? Scope::user : Scope::workspace,
                         user ? owner.user : owner.workspace});
      } else if (schedule_.chance(15)) {
        const bool user = schedule_.chance(70);
        const auto& owner = engine_.keys()[key];
        const auto type = schedule_.chance(40) ? Type::owner_locked : Type::owner_unlocked;
        batch.push_back({type, key_count, user ? Scope::user : Scope::workspace,
                         user ? owner.user : owner.workspace,
                         schedule_.chance(70) ? EngineModel::forever : wall() + schedule_.pick(100, 3000)});
      }
    }
    if (batch.empty()) return;
    const auto message = engine_.append(batch, wall(), schedule_.now());
    schedule_.log("published ", text(message));
    publish_ours_(message);
    sync_soon();
  }

  // Starts another engine on a copy of the directory, which diverges and publishes on the same channel.
  void start_other_engine() {
    other_engine_ = std::make_unique<EngineModel>(engine_);
    other_engine_->crash();
    publish_others_(other_engine_->restart(wall(), schedule_.now()));
    schedule_.log("another engine at ", text(other_engine_->end()), " ", other_engine_->journal_id());
    schedule_.every(schedule_.pick(50, 400), [this] {
      using Type = EngineModel::Event::Type;
      std::vector<EngineModel::Event> batch;
      for (int i = schedule_.pick(1, 4); i > 0; --i) {
        batch.push_back(
            {schedule_.chance(20) ? Type::key_revoked : Type::key_created, schedule_.pick_key(), {}, {}});
      }
      const auto message = other_engine_->append(batch, wall(), schedule_.now());
      if (schedule_.now() < chaos_end) publish_others_(message);
    });
  }

  // An attacker who reads the channel and may publish on it.
  void forge() {
    if (!engine_.is_up() || schedule_.now() >= chaos_end) return;
    auto message = engine_.heartbeat(schedule_.chance(30) ? 253'402'300'799'000 : wall(), schedule_.now());
    if (schedule_.chance(20)) message.up = std::uint64_t{1} << 62;
    if (schedule_.chance(10)) message.journal = "forged";
    if (schedule_.chance(10))
      message.epoch = schedule_.chance(50) ? message.epoch + 1 : std::uint64_t{1} << 62;
    const auto beyond =
        schedule_.chance(10) ? std::uint64_t{1} << 62 : static_cast<std::uint64_t>(schedule_.pick(0, 9));
    message.last += beyond;
    message.first = schedule_.chance(40)
                        ? message.last + 1
                        : std::max<Sequence>(1, message.last - std::min<Sequence>(beyond, 9));
    if (message.first <= message.last && schedule_.chance(50)) {
      auto& event = message.events.emplace_back();
      event.sequence = message.last;
      event.epoch = message.epoch;
      const auto& key = engine_.keys()[schedule_.pick_key()];
      event.type = std::array{Invalidation::Type::key_revoked, Invalidation::Type::owner_revoked,
                              Invalidation::Type::owner_locked,
                              Invalidation::Type::owner_unlocked}[schedule_.pick(0, 3)];
      if (schedule_.chance(10)) event.type = Invalidation::Type::unknown;
      event.key_id = key.id;
      event.owner_id = key.user;
    }
    schedule_.log("forged ", text(message));
    publish_others_(message);
  }

  // The journal id of the epoch of a genuine event; empty: it is not genuine.
  std::string journal_of(const Invalidation& event) const {
    const auto* const entry = engine_.entry(event.sequence);
    if (entry == nullptr || entry->epoch != event.epoch) return {};
    if (EngineModel::published_as(entry->event.type) != event.type) return {};
    const bool is_key = event.type == Invalidation::Type::key_revoked;
    const bool is_it = is_key ? engine_.keys()[entry->event.key].id == event.key_id
                              : entry->event.scope == event.scope && entry->event.owner == event.owner_id;
    return is_it ? entry->journal : std::string();
  }

 private:
  std::vector<Key> make_keys() {
    std::vector<Key> keys;
    for (int i = 0; i < key_count; ++i) {
      keys.push_back({"k" + std::to_string(i), "u" + std::to_string(i % 3), "w" + std::to_string(i % 2), {}});
      if (schedule_.chance(15)) keys.back().expires_at = 1'000'000 + schedule_.pick(500, end);
    }
    return keys;
  }

  void sync_soon() {
    schedule_.after(schedule_.pick(1, 40),
                    [this, journal = engine_.journal_id(), last = engine_.published()] {
                      engine_.sync(journal, last, schedule_.now());
                    });
  }

  Schedule& schedule_;
  Publish publish_ours_;
  Publish publish_others_;
  int ids_ = 0;
  bool shares_journal_ = false;
  EngineModel engine_;
  std::unique_ptr<EngineModel> other_engine_;
  Ms clock_offset_ = 0;
  Ms stepped_at_ = -end;
  Ms restored_at_ = -1;
};

}  // namespace revoked::simulation
