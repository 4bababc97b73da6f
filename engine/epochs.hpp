#pragma once
// The epochs of the journal, in order. Reads from any thread, without a lock; begin() by one thread at a
// time. What a read returned stays valid as long as this object.

#include <algorithm>
#include <atomic>
#include <iterator>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/model/event.hpp"
#include "engine/model/position.hpp"

namespace revoked::engine {

class Epochs {
 public:
  using List = std::vector<EpochStart>;

  Epochs() { set({}); }

  void set(List epochs) {
    lists_.push_back(std::make_unique<const List>(std::move(epochs)));
    current_.store(lists_.back().get(), std::memory_order_release);
  }
  // An engine sees few of them, so each keeps the whole list for those who read it.
  void begin(EpochStart epoch) {
    List longer = all();
    longer.push_back(std::move(epoch));
    set(std::move(longer));
  }

  const List& all() const { return *current_.load(std::memory_order_acquire); }
  bool has(const EpochStart& epoch) const { return std::ranges::find(all(), epoch) != all().end(); }
  Epoch newest() const { return all().empty() ? 0 : all().back().epoch; }
  // Of the newest epoch; empty: none has begun.
  std::string_view journal() const { return all().empty() ? std::string_view() : all().back().journal; }
  // Of that epoch; empty: there is none.
  std::string_view journal_of(Epoch epoch) const {
    const auto& epochs = all();
    const auto at = find(epochs, epoch);
    return at == epochs.end() ? std::string_view() : at->journal;
  }

  // The position of an event: in the epoch in which it happened.
  Position position_of(Sequence sequence) const {
    const auto& epochs = all();
    const auto after = std::upper_bound(epochs.begin(), epochs.end(), sequence,
                                        [](Sequence s, const auto& epoch) { return s < epoch.first; });
    return {after == epochs.begin() ? 0 : std::prev(after)->epoch, sequence};
  }

  // Whether a position lies within its epoch, which must have that journal id if one is given.
  bool have(Position position, std::string_view journal) const {
    const auto& epochs = all();
    const auto at = find(epochs, position.epoch);
    if (at == epochs.end() || position.sequence + 1 < at->first) return false;
    if (!journal.empty() && journal != at->journal) return false;
    const auto next = std::next(at);
    return next == epochs.end() || position.sequence < next->first;
  }

 private:
  static List::const_iterator find(const List& epochs, Epoch epoch) {
    return std::ranges::find(epochs, epoch, &EpochStart::epoch);
  }

  std::vector<std::unique_ptr<const List>> lists_;
  std::atomic<const List*> current_{nullptr};
};

}  // namespace revoked::engine
