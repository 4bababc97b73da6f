#pragma once
// An engine as gateways see it, in virtual time: a journal that is told first and synced later, a crash that
// loses what was told but not synced, and a next epoch that gives the same sequences to other events.

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cache/message.hpp"

namespace revoked::simulation {

using cache::Decision;
using cache::Epoch;
using cache::Invalidation;
using cache::Message;
using cache::Page;
using cache::Position;
using cache::Scope;
using cache::Sequence;
using Ms = std::int64_t;

struct Key {
  std::string id;
  std::string user;
  std::string workspace;
  std::optional<Ms> expires_at;
};

class EngineModel {
 public:
  struct Event {
    enum class Type { epoch_started, key_created, key_revoked, owner_revoked } type{};
    std::size_t key = 0;  // of key_*
    Scope scope{};        // of owner_revoked
    std::string owner;
  };
  struct Entry {
    Epoch epoch;
    Event event;
    Ms durable_at;  // -1: not yet
  };

  explicit EngineModel(std::vector<Key> keys, bool serves_unsynced)
      : keys_(std::move(keys)), serves_unsynced_(serves_unsynced) {}

  bool is_up() const { return up_; }
  Epoch epoch() const { return epoch_; }
  const std::vector<Key>& keys() const { return keys_; }
  Sequence told() const { return journal_.size(); }
  Sequence durable() const { return durable_; }
  Position end() const { return {epoch_, told()}; }

  const Entry* entry(Sequence sequence) const {
    return sequence == 0 || sequence > journal_.size() ? nullptr : &journal_[sequence - 1];
  }

  // Appends a batch and answers the message that tells it.
  Message append(const std::vector<Event>& events, Ms at) {
    Message message{epoch_, told() + 1, told() + events.size(), at, {}};
    for (const auto& event : events) {
      journal_.push_back({epoch_, event, -1});
      if (event.type == Event::Type::key_revoked) {
        message.events.push_back(
            {Invalidation::Type::key_revoked, told(), keys_[event.key].id, {}, {}, {}, epoch_});
      } else if (event.type == Event::Type::owner_revoked) {
        message.events.push_back(
            {Invalidation::Type::owner_revoked, told(), {}, event.scope, event.owner, {}, epoch_});
      }
    }
    batches_.push_back(message);
    return message;
  }

  // All entries up to `sequence` are on disk, unless a crash has lost them.
  void sync(Epoch epoch, Sequence sequence, Ms now) {
    if (!up_ || epoch != epoch_) return;
    for (; durable_ < std::min<Sequence>(sequence, told()); ++durable_) journal_[durable_].durable_at = now;
  }

  void crash() {
    up_ = false;
    journal_.resize(durable_);
    while (!batches_.empty() && batches_.back().last > durable_) batches_.pop_back();
  }
  Message restart(Ms at) {
    up_ = true;
    ++epoch_;
    return append({{Event::Type::epoch_started, 0, {}, {}}}, at);
  }

  Message heartbeat(Ms at) const { return {epoch_, told() + 1, told(), at, {}}; }

  // An allow never runs ahead of durability, a deny does.
  Decision verify(std::size_t index, Ms now) const {
    const auto& key = keys_[index];
    Decision decision;
    decision.as_of = end();
    const auto created = created_at(index);
    if (created == 0 || created > durable_) return decision;
    decision.key_id = key.id;
    decision.user = key.user;
    decision.workspace = key.workspace;
    decision.expires_at = key.expires_at;
    decision.state = Decision::State::active;
    if (key.expires_at && now >= *key.expires_at) decision.state = Decision::State::expired;
    if (revocation_of(index)) decision.state = Decision::State::revoked;
    return decision;
  }

  Sequence created_at(std::size_t index) const {
    for (Sequence s = 1; s <= told(); ++s) {
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
    for (Sequence s = 1; s <= told(); ++s) {
      if (revokes(s, index, created)) return s;
    }
    return 0;
  }

  struct PageAnswer {
    bool gone = false;
    Page page;
  };
  PageAnswer read(Position after, std::size_t limit) const {
    PageAnswer answer;
    const Sequence end_sequence = serves_unsynced_ ? told() : durable_;
    answer.gone = !reaches(after);
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
  // Whether the position lies in this journal.
  bool reaches(Position position) const {
    if (position.epoch > epoch_) return false;
    if (position.epoch == epoch_)
      return position.sequence <= told() && position.sequence + 1 >= first_of(epoch_);
    const auto first = first_of(position.epoch);
    if (first == 0 || position.sequence + 1 < first) return false;
    return position.sequence == 0 || position.sequence + 1 == first ||
           (position.sequence <= told() && journal_[position.sequence - 1].epoch == position.epoch);
  }
  Sequence first_of(Epoch epoch) const {
    for (Sequence s = 1; s <= told(); ++s) {
      if (journal_[s - 1].epoch == epoch) return s;
    }
    return 0;
  }

  std::vector<Key> keys_;
  bool serves_unsynced_;
  bool up_ = false;
  Epoch epoch_ = 0;
  Sequence durable_ = 0;
  std::vector<Entry> journal_;
  std::vector<Message> batches_;
};

}  // namespace revoked::simulation
