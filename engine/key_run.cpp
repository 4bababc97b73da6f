#include "engine/key_run.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace revoked::engine {

std::uint64_t KeyRun::head_of(std::string_view key_id) {
  char bytes[8] = {};
  key_id.copy(bytes, sizeof bytes);
  std::uint64_t head;
  std::memcpy(&head, bytes, sizeof head);
  return std::endian::native == std::endian::little ? __builtin_bswap64(head) : head;
}

void KeyRun::add(Sequence sequence, const EventView& creation) {
  const auto key_id = creation[Field::key_id];
  EventView event = creation;
  for (const Field field : {Field::key_id, Field::actor, Field::address, Field::request_id})
    event[field] = {};
  const auto begin = bytes_.size();
  bytes_.append(key_id);
  bytes_.append(reinterpret_cast<const char*>(&sequence), sizeof sequence);
  append_event(bytes_, event);
  places_.push_back({head_of(key_id), static_cast<std::uint32_t>(begin),
                     static_cast<std::uint32_t>(bytes_.size() - begin - key_id.size()),
                     static_cast<std::uint32_t>(key_id.size())});
}

void KeyRun::sort() {
  std::sort(places_.begin(), places_.end(), [this](const Place& a, const Place& b) {
    return a.head != b.head ? a.head < b.head : id_at(a) < id_at(b);
  });
}

void KeyRun::clear() {
  bytes_.clear();
  places_.clear();
}

KeyRun::Entry KeyRun::operator[](std::size_t i) const {
  const Place& place = places_[i];
  return {id_at(place), std::string_view(bytes_).substr(place.begin + place.id_size, place.record_size)};
}

std::size_t KeyRun::lower_bound(std::string_view key_id) const {
  const auto at =
      std::lower_bound(places_.begin(), places_.end(), key_id,
                       [this](const Place& place, std::string_view id) { return id_at(place) < id; });
  return static_cast<std::size_t>(at - places_.begin());
}

std::shared_ptr<const KeyRun> KeyRun::join(const KeyRun& a, const KeyRun& b) {
  auto joined = std::make_shared<KeyRun>(a);
  joined->bytes_.append(b.bytes_);
  joined->places_.reserve(a.size() + b.size());
  for (auto place : b.places_) {
    place.begin += static_cast<std::uint32_t>(a.bytes_.size());
    joined->places_.push_back(place);
  }
  joined->sort();
  return joined;
}

std::vector<KeyRun::Entry> KeyRun::merge(const std::vector<const KeyRun*>& runs) {
  struct From {
    std::uint64_t head;
    const KeyRun* run;
    std::uint32_t at;
  };
  std::vector<From> order;
  for (const auto* run : runs) {
    for (std::uint32_t i = 0; i < run->size(); ++i) order.push_back({run->places_[i].head, run, i});
  }
  std::sort(order.begin(), order.end(), [](const From& a, const From& b) {
    if (a.head != b.head) return a.head < b.head;
    return a.run->id_at(a.run->places_[a.at]) < b.run->id_at(b.run->places_[b.at]);
  });
  std::vector<Entry> entries;
  entries.reserve(order.size());
  for (const auto& from : order) entries.push_back((*from.run)[from.at]);
  return entries;
}

KeyRunReader::KeyRunReader(std::vector<std::shared_ptr<const KeyRun>> runs, std::string_view after) {
  for (auto& run : runs) {
    auto at = run->lower_bound(after);
    if (at != run->size() && (*run)[at].key_id == after) ++at;
    if (at != run->size()) cursors_.push_back({std::move(run), at});
  }
  find_first();
}

void KeyRunReader::step() {
  auto& cursor = cursors_[first_];
  if (++cursor.at == cursor.run->size())
    cursors_.erase(cursors_.begin() + static_cast<std::ptrdiff_t>(first_));
  find_first();
}

void KeyRunReader::find_first() {
  first_ = 0;
  for (std::size_t i = 1; i < cursors_.size(); ++i) {
    const auto id = [this](std::size_t of) { return (*cursors_[of].run)[cursors_[of].at].key_id; };
    if (id(i) < id(first_)) first_ = i;
  }
}

bool read_key_record(std::string_view key_id, std::string_view record, Sequence& created,
                     EventView& creation) {
  if (record.size() < sizeof created) return false;
  std::memcpy(&created, record.data(), sizeof created);
  record.remove_prefix(sizeof created);
  if (!take_event(record, creation)) return false;
  creation[Field::key_id] = key_id;
  return true;
}

}  // namespace revoked::engine
