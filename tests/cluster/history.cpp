#include "tests/cluster/history.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>

namespace revoked::test::cluster {
namespace {

using engine::EventType;
using engine::Position;
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using Verb = Change::Verb;

bool is_acknowledged(const Change& change) { return change.position != Position{}; }

std::string text_of(const Change& change) {
  return std::string(change.verb == Verb::create ? "the creation of " : "the revocation of ") +
         change.key.key_id + " at engine " + std::to_string(change.engine);
}
std::string text_of(Clock::duration time) {
  return std::to_string(duration_cast<milliseconds>(time).count()) + " ms";
}

// For each verb: by key, where the journal has it.
using Places = std::map<std::string, std::vector<Position>>;

class Checker {
 public:
  std::vector<std::string> check(const History& history, const std::vector<JournalRow>& journal) {
    check_rows(journal);
    check_changes(history.changes);
    check_order(history.changes);
    check_allowed(history);
    if (found_ > said_.size()) said_.push_back("and " + std::to_string(found_ - said_.size()) + " more");
    return std::move(said_);
  }

 private:
  void say(std::string what) {
    if (++found_ <= max_violations) said_.push_back(std::move(what));
  }

  void check_rows(const std::vector<JournalRow>& journal) {
    engine::Sequence last = 0;
    engine::Epoch epoch = 0;
    for (const auto& row : journal) {
      const auto here = to_string(Position{row.epoch, row.first});
      if (row.first != last + 1) say("the journal has " + here + " after " + std::to_string(last));
      if (row.last - row.first + 1 != row.events.size())
        say("the row at " + here + " has " + std::to_string(row.events.size()) + " events up to " +
            std::to_string(row.last));
      if (row.epoch < epoch) say("the journal has " + here + " after epoch " + std::to_string(epoch));
      const bool has_fence = !row.events.empty() && row.events.front().type == EventType::epoch_started;
      if ((row.epoch != epoch) != has_fence)
        say("the epoch of " + here + (has_fence ? " begins twice" : " has no fence"));
      for (std::size_t i = 0; i < row.events.size(); ++i) {
        const auto& [type, key_id] = row.events[i];
        if (type == EventType::key_created) created_[key_id].push_back({row.epoch, row.first + i});
        if (type == EventType::key_revoked) revoked_[key_id].push_back({row.epoch, row.first + i});
      }
      last = row.last;
      epoch = row.epoch;
    }
    for (const auto* const places : {&created_, &revoked_}) {
      for (const auto& [key_id, positions] : *places) {
        if (positions.size() > 1)
          say("the journal has the same change of " + key_id + " at " + to_string(positions[0]) + " and at " +
              to_string(positions[1]));
      }
    }
  }

  void check_changes(const std::vector<Change>& changes) {
    std::set<std::string> asked;
    for (const auto& change : changes) {
      if (change.verb == Verb::revoke) asked.insert(change.key.key_id);
      if (!is_acknowledged(change)) continue;
      const auto& places = change.verb == Verb::create ? created_ : revoked_;
      const auto found = places.find(change.key.key_id);
      const auto answered = text_of(change) + " was acknowledged at " + to_string(change.position);
      if (found == places.end())
        say(answered + ", and is not in the journal");
      else if (std::ranges::find(found->second, change.position) == found->second.end())
        say(answered + ", and the journal has it at " + to_string(found->second.front()));
    }
    for (const auto& [key_id, positions] : revoked_) {
      if (!asked.contains(key_id))
        say("nobody asked for the revocation of " + key_id + " at " + to_string(positions.front()));
    }
  }

  static void check_order_of(const Change& earlier, const Change& later, const auto& complain) {
    if (later.position > earlier.position) return;
    const bool is_other_epoch = later.position.epoch != earlier.position.epoch;
    complain(text_of(later) + " was acknowledged at " + to_string(later.position) + ", and asked for " +
             text_of(later.began - earlier.ended) + " after " + text_of(earlier) + " was acknowledged at " +
             to_string(earlier.position) + (is_other_epoch ? ": two engines led at that time" : ""));
  }

  void check_order(const std::vector<Change>& changes) {
    std::vector<const Change*> by_begin;
    for (const auto& change : changes) {
      if (is_acknowledged(change)) by_begin.push_back(&change);
    }
    auto by_end = by_begin;
    std::ranges::sort(by_begin, {}, &Change::began);
    std::ranges::sort(by_end, {}, &Change::ended);
    const Change* highest = nullptr;  // of those acknowledged before `change` began
    auto next = by_end.begin();
    for (const auto* const change : by_begin) {
      for (; next != by_end.end() && (*next)->ended < change->began; ++next) {
        if (highest == nullptr || (*next)->position > highest->position) highest = *next;
      }
      if (highest != nullptr) check_order_of(*highest, *change, [this](std::string what) { say(what); });
    }
  }

  void check_allowed(const History& history) {
    std::map<std::string, const Change*> acknowledged;
    for (const auto& change : history.changes) {
      if (change.verb == Verb::revoke && is_acknowledged(change))
        acknowledged.emplace(change.key.key_id, &change);
    }
    for (const auto& each : history.allowed) {
      const auto found = acknowledged.find(each.key_id);
      if (found == acknowledged.end()) continue;
      const auto& change = *found->second;
      const auto after = each.asked - change.ended;
      const auto what = each.where + " allowed " + each.key_id + ", asked " + text_of(after) + " after " +
                        text_of(change) + " was acknowledged at " + to_string(change.position);
      if (each.engine == change.engine && after > Clock::duration::zero()) say(what + " by itself");
      if (each.is_of_leader && after > Clock::duration::zero()) say(what + " by an engine that led");
      if (after > each.bound) say(what + ", later than its bound of " + text_of(each.bound));
      if (each.as_of >= change.position) say(what + ", as of " + to_string(each.as_of));
    }
  }

  Places created_, revoked_;
  std::vector<std::string> said_;
  std::size_t found_ = 0;
};

std::string bytes_of(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<char>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  return bytes;
}

}  // namespace

void Recorder::add(const Change& change) {
  {
    const std::lock_guard lock(mutex_);
    history_.changes.push_back(change);
  }
  if (change.verb == Verb::revoke && is_acknowledged(change))
    acknowledgements_.add({change.key, change.position, change.ended});
}

void Recorder::add(Allowed one) {
  const std::lock_guard lock(mutex_);
  history_.allowed.push_back(std::move(one));
}

History Recorder::history() const {
  const std::lock_guard lock(mutex_);
  return history_;
}

std::vector<JournalRow> read_journal(const PostgresServer& server) {
  std::vector<JournalRow> journal;
  for (const auto& fields : server.rows("SELECT first, last, epoch, encode(body, 'hex') FROM revoked.journal "
                                        "ORDER BY first")) {
    JournalRow row{std::stoull(fields[0]), std::stoull(fields[1]), std::stoull(fields[2])};
    const auto body = bytes_of(fields[3]);
    engine::BatchView batch;
    const auto visit = [&row](engine::Sequence, const engine::EventView& event) {
      row.events.push_back({event.type, std::string(event[engine::Field::key_id])});
    };
    if (!engine::BatchView::parse(body, batch) || batch.first() != row.first || batch.last() != row.last ||
        batch.epoch() != row.epoch || !batch.for_each(visit))
      throw std::runtime_error("the batch at " + fields[0] + " is not of its row");
    journal.push_back(std::move(row));
  }
  return journal;
}

std::vector<std::string> violations(const History& history, const std::vector<JournalRow>& journal) {
  return Checker().check(history, journal);
}

Clock::duration longest_silence(const std::vector<Acknowledged>& revocations, Clock::time_point begin,
                                Clock::time_point end) {
  std::vector<Clock::time_point> times;
  for (const auto& each : revocations) times.push_back(each.at);
  std::ranges::sort(times);
  Clock::duration longest{};
  auto before = begin;
  for (const auto at : times) {
    if (before >= end) break;
    if (at > begin) longest = std::max(longest, at - before);
    before = at;
  }
  return before < end ? std::max(longest, end - before) : longest;
}

}  // namespace revoked::test::cluster
