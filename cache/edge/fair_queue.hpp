#pragma once
// A queue per peer, served round-robin, so that no peer waits for the backlog of another. Bounded: when full,
// the peer with the most items loses its newest. One thread.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace revoked::cache {

using Peer = std::uint64_t;

template <class T>
class FairQueue {
 public:
  explicit FairQueue(std::size_t max_size) : max_size_(max_size) {}

  std::size_t size() const { return size_; }

  // Returns the item evicted for it, if any; may be the item itself.
  std::optional<T> push(Peer peer, T item) {
    auto [line, is_new] = lines_.try_emplace(peer);
    if (is_new) line->second.turn = turns_.insert(turns_.end(), peer);
    const auto length = line->second.items.size();
    line->second.items.push_back(std::move(item));
    resized(peer, length, length + 1);
    if (size_ <= max_size_) return {};
    const auto longest = lines_.find(by_length_.rbegin()->second);
    auto& items = longest->second.items;
    auto lost = std::move(items.back());
    items.pop_back();
    shortened(longest);
    return lost;
  }

  std::optional<T> pop() {
    if (turns_.empty()) return {};
    const auto line = lines_.find(turns_.front());
    turns_.splice(turns_.end(), turns_, turns_.begin());
    auto item = std::move(line->second.items.front());
    line->second.items.pop_front();
    shortened(line);
    return item;
  }

  // Removes the items for which `keeps` returns false.
  template <class Keeps>
  void keep_if(Keeps&& keeps) {
    for (auto line = lines_.begin(); line != lines_.end();) {
      const auto next = std::next(line);
      auto& items = line->second.items;
      const auto length = items.size();
      if (std::erase_if(items, [&](const T& item) { return !keeps(item); }) != 0) {
        resized(line->first, length, items.size());
        if (items.empty()) remove(line);
      }
      line = next;
    }
  }

 private:
  struct Line {
    std::deque<T> items;
    std::list<Peer>::iterator turn;
  };
  using Lines = std::map<Peer, Line>;

  void resized(Peer peer, std::size_t from, std::size_t to) {
    if (from != 0) by_length_.erase({from, peer});
    if (to != 0) by_length_.insert({to, peer});
    size_ += to - from;
  }
  void shortened(Lines::iterator line) {  // by one
    const auto length = line->second.items.size();
    resized(line->first, length + 1, length);
    if (length == 0) remove(line);
  }
  void remove(Lines::iterator line) {
    turns_.erase(line->second.turn);
    lines_.erase(line);
  }

  const std::size_t max_size_;
  std::size_t size_ = 0;
  Lines lines_;                                       // never empty ones
  std::list<Peer> turns_;                             // whose turn is next
  std::set<std::pair<std::size_t, Peer>> by_length_;  // all lines
};

}  // namespace revoked::cache
