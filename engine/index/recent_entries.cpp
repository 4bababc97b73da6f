#include "engine/index/recent_entries.hpp"

#include <algorithm>
#include <bit>
#include <compare>
#include <cstring>
#include <ranges>
#include <utility>

namespace revoked::engine {
namespace {

// The first eight bytes, which compare like the keys: they nearly always differ, and comparing them is much
// faster than memcmp.
std::uint64_t head_of(std::string_view key) {
  std::uint64_t head = 0;
  std::memcpy(&head, key.data(), sizeof head);
  return std::endian::native == std::endian::little ? __builtin_bswap64(head) : head;
}

std::strong_ordering compare(std::string_view a, std::string_view b) {
  const auto heads = head_of(a) <=> head_of(b);
  return heads != 0 ? heads : a <=> b;
}

Keys sorted(const Keys& keys) {
  struct Place {
    std::uint64_t head;
    std::size_t at;
  };
  std::vector<Place> order;
  order.reserve(keys.count());
  for (std::size_t i = 0; i < keys.count(); ++i) order.push_back({head_of(keys[i]), i});
  std::ranges::sort(order, [&](const Place& a, const Place& b) {
    return a.head != b.head ? a.head < b.head : keys[a.at] < keys[b.at];
  });
  Keys result;
  result.reserve(keys.count(), keys.bytes());
  for (const auto& [head, at] : order) {
    if (result.count() == 0 || result[result.count() - 1] != keys[at]) result.append(keys[at]);
  }
  return result;
}

Keys merged(const Keys& a, const Keys& b) {
  Keys result;
  result.reserve(a.count() + b.count(), a.bytes() + b.bytes());
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.count() && j < b.count()) {
    const auto order = compare(a[i], b[j]);
    result.append(order <= 0 ? a[i] : b[j]);
    i += order <= 0 ? 1 : 0;
    j += order >= 0 ? 1 : 0;
  }
  for (; i < a.count(); ++i) result.append(a[i]);
  for (; j < b.count(); ++j) result.append(b[j]);
  return result;
}

}  // namespace

void Keys::reserve(std::size_t count, std::size_t bytes) {
  ends_.reserve(count);
  bytes_.reserve(bytes - count * sizeof ends_[0]);
}

void Keys::clear() {
  bytes_.clear();
  ends_.clear();
}

void Keys::append(std::string_view key) {
  bytes_.append(key);
  ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
}

RecentEntries RecentEntries::with(const Keys& others) const {
  auto all = *this;
  if (others.count() == 0) return all;
  auto run = sorted(others);
  for (auto& runs = all.runs_; !runs.empty() && runs.back()->bytes() < 2 * run.bytes(); runs.pop_back())
    run = merged(*runs.back(), run);
  all.runs_.push_back(std::make_shared<const Keys>(std::move(run)));
  return all;
}

std::size_t RecentEntries::bytes() const {
  std::size_t bytes = 0;
  for (const auto& run : runs_) bytes += run->bytes();
  return bytes;
}

RecentEntries::Cursor::Cursor(const RecentEntries& entries, std::string_view from) {
  for (const auto& run : entries.runs_) {
    const auto places = std::views::iota(std::size_t{0}, run->count());
    const auto first = std::ranges::partition_point(places, [&](auto i) { return (*run)[i] < from; });
    places_.push_back({run.get(), *first});
  }
  find_least();
}

void RecentEntries::Cursor::next() {
  for (auto& [run, at] : places_) {
    if (compare((*run)[at], key_) == 0) ++at;
  }
  find_least();
}

void RecentEntries::Cursor::find_least() {
  std::erase_if(places_, [](const Place& place) { return place.at == place.run->count(); });
  key_ = {};
  for (const auto& [run, at] : places_) {
    if (key_.empty() || compare((*run)[at], key_) < 0) key_ = (*run)[at];
  }
}

}  // namespace revoked::engine
