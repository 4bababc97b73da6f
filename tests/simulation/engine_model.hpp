#pragma once
// A model of an engine in virtual time: a journal that is published first and synced later, a crash that
// loses entries published but not synced, and a next epoch that reuses their sequences. It can be copied,
// like a data directory, and an older copy can replace it.

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cache/bus/decision.hpp"
#include "cache/bus/message.hpp"
#include "tests/simulation/schedule.hpp"

namespace revoked::simulation {

using cache::Decision;
using cache::Epoch;
using cache::Invalidation;
using cache::Message;
using cache::Page;
using cache::Position;
using cache::Scope;
using cache::Sequence;

inline std::string text(Position position) { return engine::to_string(position); }
inline std::string text(const Message& m) {
  return text(Position{m.epoch, m.first}) + ".." + std::to_string(m.last) + (m.events.empty() ? "" : " !");
}

struct Key {
  std::string id;
  std::string user;
  std::string workspace;
  std::optional<Ms> expires_at;
};

class EngineModel {
 public:
  struct Event {
    enum class Type {
      epoch_started,
      key_created,
      key_revoked,
      owner_revoked,
      owner_locked,
      owner_unlocked
    } type{};
    std::size_t key = 0;  // of key_*
    Scope scope{};        // of owner_*
    std::string owner;
    Ms until = forever;  // of owner_locked
  };
  static constexpr Ms time_before_leading = 1000;  // of one of several engines
  static constexpr Ms forever = std::numeric_limits<Ms>::max();
  // How it is published to gateways. Empty: it is not.
  static std::optional<Invalidation::Type> published_as(Event::Type type) {
    switch (type) {
      case Event::Type::key_revoked:
        return Invalidation::Type::key_revoked;
      case Event::Type::owner_revoked:
        return Invalidation::Type::owner_revoked;
      case Event::Type::owner_locked:
        return Invalidation::Type::owner_locked;
      case Event::Type::owner_unlocked:
        return Invalidation::Type::owner_unlocked;
      default:
        return {};
    }
  }
  struct Entry {
    Epoch epoch;
    Event event;
    Ms durable_at;  // -1: not yet
    std::string journal;
  };

  // `new_id` returns a unique journal id.
  EngineModel(std::vector<Key> keys, bool serves_unsynced, std::function<std::string()> new_id)
      : keys_(std::move(keys)), serves_unsynced_(serves_unsynced), new_id_(std::move(new_id)) {}

  bool is_up() const { return up_; }
  Epoch epoch() const { return epoch_; }
  const std::vector<Key>& keys() const { return keys_; }
  Sequence published() const { return journal_.size(); }
  Sequence durable() const { return durable_; }
  Position end() const { return {epoch_, published()}; }

  const Entry* entry(Sequence sequence) const {
    return sequence == 0 || sequence > journal_.size() ? nullptr : &journal_[sequence - 1];
  }

  // Appends a batch and returns its message.
  Message append(const std::vector<Event>& events, Ms at, Ms now) {
    Message message{epoch_, published() + 1, published() + events.size(), at, {}, id_, up(now), clock_};
    for (const auto& event : events) {
      journal_.push_back({epoch_, event, -1, id_});
      const auto type = published_as(event.type);
      if (!type) continue;
      const bool is_key = event.type == Event::Type::key_revoked;
      message.events.push_back({*type,
                                published(),
                                is_key ? keys_[event.key].id : std::string(),
                                event.scope,
                                is_key ? std::string() : event.owner,
                                {},
                                epoch_});
    }
    batches_.push_back(message);
    return message;
  }

  // Marks all entries up to `sequence` durable, unless a crash has lost them.
  void sync(const std::string& journal, Sequence sequence, Ms now) {
    if (!up_ || journal != id_) return;
    for (; durable_ < std::min<Sequence>(sequence, published()); ++durable_)
      journal_[durable_].durable_at = now;
  }

  void crash() {
    up_ = false;
    journal_.resize(durable_);
    while (!batches_.empty() && batches_.back().last > durable_) batches_.pop_back();
  }
  Message restart(Ms at, Ms now) {
    up_ = true;
    ++epoch_;
    id_ = new_id_();
    started_ = now;
    if (clock_.empty()) return append({{Event::Type::epoch_started, 0, {}, {}}}, at, now);
    clock_ = id_;
    started_ -= time_before_leading;
    return append({{Event::Type::epoch_started, 0, {}, {}}}, at, now);
  }

  // Restores the durable state as of about `events` events (batches are whole). Returns the revocations that
  // are lost.
  std::vector<Event> restore(Sequence events) {
    std::vector<Event> lost;
    crash();
    Sequence whole = 0;
    for (const auto& batch : batches_) {
      if (batch.last <= events) whole = batch.last;
    }
    events = whole;
    for (auto s = events + 1; s <= published(); ++s) {
      const auto& event = journal_[s - 1].event;
      if (published_as(event.type)) lost.push_back(event);
    }
    durable_ = std::min<Sequence>(durable_, events);
    crash();
    epoch_ = journal_.empty() ? 0 : journal_.back().epoch;
    return lost;
  }

  Message heartbeat(Ms at, Ms now) const {
    return {epoch_, published() + 1, published(), at, {}, id_, up(now), clock_};
  }
  const std::string& journal_id() const { return id_; }

  // Its clock has a name from now on: another at each start.
  void name_clock() { clock_ = "c"; }
  // From now on another engine, which follows the journal: it has what was durable by now, and a clock of its
  // own.
  void become_follower(Ms started, const std::string& clock) {
    crash();
    up_ = true;
    serves_unsynced_ = false;
    epoch_ = journal_.empty() ? 0 : journal_.back().epoch;
    id_ = journal_.empty() ? std::string() : journal_.back().journal;
    started_ = started;
    clock_ = clock;
    for (auto& batch : batches_) {
      batch.up.reset();
      batch.clock.clear();
    }
  }

  // An allow includes durable events only, a deny also published ones.
  Decision verify(std::size_t index, Ms now) const {
    const auto& key = keys_[index];
    Decision decision;
    decision.as_of = end();
    decision.journal = id_;
    const auto created = created_at(index);
    if (created == 0 || created > durable_) return decision;
    decision.key_id = key.id;
    decision.user = key.user;
    decision.workspace = key.workspace;
    decision.expires_at = key.expires_at;
    decision.state = Decision::State::active;
    if (const auto lock = lock_of(index); lock.until > now) {
      decision.state = Decision::State::locked;
      if (lock.until != forever) decision.locked_until = lock.until;
      if (lock.lifted_by != 0) decision.as_of.sequence = lock.lifted_by - 1;
    }
    if (key.expires_at && now >= *key.expires_at) decision.state = Decision::State::expired;
    if (revocation_of(index)) decision.state = Decision::State::revoked;
    return decision;
  }

  Sequence created_at(std::size_t index) const {
    for (Sequence s = 1; s <= published(); ++s) {
      const auto& event = journal_[s - 1].event;
      if (event.type == Event::Type::key_created && event.key == index) return s;
    }
    return 0;
  }

  bool revokes(Sequence sequence, std::size_t index, Sequence created) const {
    const auto& event = journal_[sequence - 1].event;
    if (event.type == Event::Type::key_revoked) return event.key == index;
    if (event.type != Event::Type::owner_revoked || created == 0 || created > sequence) return false;
    return event.owner == (event.scope == Scope::user ? keys_[index].user : keys_[index].workspace);
  }

  // The first entry that revokes the key; 0 if there is none.
  Sequence revocation_of(std::size_t index) const {
    const auto created = created_at(index);
    for (Sequence s = 1; s <= published(); ++s) {
      if (revokes(s, index, created)) return s;
    }
    return 0;
  }

  // Which event denies the key, until when, and which published but unsynced event will end that.
  struct Lock {
    Ms until = 0;
    Sequence lifted_by = 0;
    Sequence locked_by = 0;
  };
  Lock lock_of(const Scope scope, const std::string& owner) const {
    Lock lock;
    for (Sequence s = 1; s <= published(); ++s) {
      const auto& event = journal_[s - 1].event;
      if (event.scope != scope || event.owner != owner) continue;
      if (event.type == Event::Type::owner_locked) {
        const bool is_held = lock.until != 0 && lock.lifted_by == 0;
        lock = {is_held ? std::max(lock.until, event.until) : event.until, 0, s};
      } else if (event.type == Event::Type::owner_unlocked && lock.until != 0) {
        if (s <= durable_)
          lock = {};
        else
          lock.lifted_by = s;
      }
    }
    return lock;
  }
  Lock lock_of(std::size_t index) const {
    const auto user = lock_of(Scope::user, keys_[index].user);
    const auto workspace = lock_of(Scope::workspace, keys_[index].workspace);
    Lock both{std::max(user.until, workspace.until), user.lifted_by, 0};
    if (workspace.lifted_by != 0 && (both.lifted_by == 0 || workspace.lifted_by < both.lifted_by))
      both.lifted_by = workspace.lifted_by;
    return both;
  }

  struct PageAnswer {
    bool gone = false;
    Page page;
  };
  PageAnswer read(Position after, const std::string& journal, std::size_t limit, Ms at, Ms now) const {
    PageAnswer answer;
    answer.page.journal = id_;
    answer.page.published = end();
    answer.page.at = at;
    answer.page.up = up(now);
    answer.page.clock = clock_;
    const Sequence end_sequence = serves_unsynced_ ? published() : durable_;
    answer.gone = !reaches(after, journal);
    answer.page.position = answer.gone ? Position{epoch_, end_sequence} : after;
    if (answer.gone) return answer;
    for (const auto& batch : batches_) {
      if (batch.last <= after.sequence || batch.last > end_sequence) continue;
      if (answer.page.messages.size() == limit) {
        answer.page.more = true;
        break;
      }
      answer.page.messages.push_back(batch);
      answer.page.position = {batch.epoch, batch.last};
    }
    return answer;
  }

 private:
  std::uint64_t up(Ms now) const { return static_cast<std::uint64_t>(now - started_); }

  // Whether the position is in this journal.
  bool reaches(Position position, const std::string& journal) const {
    if (position.epoch > epoch_) return false;
    const auto begins = first_of(position.epoch);
    if (begins != 0 && !journal.empty() && journal_[begins - 1].journal != journal) return false;
    if (position.epoch == epoch_)
      return position.sequence <= published() && position.sequence + 1 >= first_of(epoch_);
    const auto first = first_of(position.epoch);
    if (first == 0 || position.sequence + 1 < first) return false;
    return position.sequence == 0 || position.sequence + 1 == first ||
           (position.sequence <= published() && journal_[position.sequence - 1].epoch == position.epoch);
  }
  Sequence first_of(Epoch epoch) const {
    for (Sequence s = 1; s <= published(); ++s) {
      if (journal_[s - 1].epoch == epoch) return s;
    }
    return 0;
  }

  std::vector<Key> keys_;
  bool serves_unsynced_;
  std::function<std::string()> new_id_;
  std::string id_;
  Ms started_ = 0;
  std::string clock_;
  bool up_ = false;
  Epoch epoch_ = 0;
  Sequence durable_ = 0;
  std::vector<Entry> journal_;
  std::vector<Message> batches_;
};

}  // namespace revoked::simulation
