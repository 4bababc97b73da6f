#include "engine/model/event.hpp"

#include <bit>
#include <cassert>
#include <cstring>

namespace revoked::engine {
namespace {

static_assert(std::endian::native == std::endian::little, "the journal is little endian");

constexpr std::uint8_t batch_version = 1;
constexpr std::size_t count_offset = 1 + 8 + 8;
constexpr std::size_t batch_header_size = count_offset + 4;
constexpr std::size_t event_header_size = 1 + 4;

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
T get(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace

OwnerIds owners_of(const EventView& event) {
  return {event[Field::user], event[Field::application], event[Field::workspace]};
}

std::optional<OwnerIds> named_owners(const EventView& event) {
  const auto scope = event[Field::owner_scope];
  if (scope.size() != 1 || static_cast<std::uint8_t>(scope.front()) >= all_scopes.size()) return {};
  auto owners = owners_of(event);
  auto& owner = owners[static_cast<std::uint8_t>(scope.front())];
  if (!owner.empty() || event[Field::owner_id].empty()) return {};
  owner = event[Field::owner_id];
  return owners;
}

std::string encode_i64(std::int64_t value) {
  std::string bytes;
  put(bytes, value);
  return bytes;
}

std::int64_t decode_i64(std::string_view bytes, std::int64_t otherwise) {
  return bytes.size() == sizeof otherwise ? get<std::int64_t>(bytes.data()) : otherwise;
}

std::string encode_u16(std::uint16_t value) {
  std::string bytes;
  put(bytes, value);
  return bytes;
}

std::uint16_t decode_u16(std::string_view bytes, std::uint16_t otherwise) {
  return bytes.size() == sizeof otherwise ? get<std::uint16_t>(bytes.data()) : otherwise;
}

void append_event(std::string& out, const EventView& event) {
  put(out, event.type);
  const auto size_at = out.size();
  put(out, std::uint32_t{0});
  put(out, event.at);
  for (std::size_t tag = 0; tag < field_count; ++tag) {
    const auto bytes = event.fields[tag];
    if (bytes.empty()) continue;
    assert(bytes.size() <= max_field_size);
    out.push_back(static_cast<char>(tag));
    put(out, static_cast<std::uint16_t>(bytes.size()));
    out.append(bytes);
  }
  const auto size = static_cast<std::uint32_t>(out.size() - size_at - 4);
  std::memcpy(out.data() + size_at, &size, sizeof size);
}

namespace {

// Removes one event without decoding it.
bool skip_event(std::string_view& bytes) {
  if (bytes.size() < event_header_size) return false;
  const auto size = get<std::uint32_t>(bytes.data() + 1);
  if (bytes.size() - event_header_size < size) return false;
  bytes.remove_prefix(event_header_size + size);
  return true;
}

}  // namespace

bool take_event(std::string_view& bytes, EventView& event) {
  if (bytes.size() < event_header_size) return false;
  event = {};
  event.type = static_cast<EventType>(bytes[0]);
  const auto size = get<std::uint32_t>(bytes.data() + 1);
  if (size < sizeof event.at || bytes.size() - event_header_size < size) return false;
  const char* at = bytes.data() + event_header_size;
  const char* const end = at + size;
  event.at = get<UnixMs>(at);
  at += sizeof event.at;
  while (at != end) {
    if (end - at < 3) return false;
    const auto tag = static_cast<std::uint8_t>(*at);
    const auto field_size = get<std::uint16_t>(at + 1);
    at += 3;
    if (end - at < field_size) return false;
    if (tag < field_count) event.fields[tag] = {at, field_size};
    at += field_size;
  }
  bytes.remove_prefix(event_header_size + size);
  return true;
}

bool BatchView::parse(std::string_view bytes, BatchView& view) {
  if (bytes.size() < batch_header_size || static_cast<std::uint8_t>(bytes[0]) != batch_version) return false;
  view.bytes_ = bytes;
  view.epoch_ = get<Epoch>(bytes.data() + 1);
  view.first_ = get<Sequence>(bytes.data() + 9);
  view.count_ = get<std::uint32_t>(bytes.data() + count_offset);
  // Sequences do not wrap: last() would be before first().
  return view.count_ != 0 && view.first_ != 0 && view.last() >= view.first_;
}

bool BatchView::for_each(const EventVisitor& visit, std::optional<EventType> but) const {
  auto rest = bytes_.substr(batch_header_size);
  EventView event;
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (but && !rest.empty() && static_cast<EventType>(rest.front()) == *but) {
      if (!skip_event(rest)) return false;
      continue;
    }
    if (!take_event(rest, event)) return false;
    visit(first_ + i, event);
  }
  return rest.empty();
}

bool BatchView::for_each_of(std::span<const Sequence> sequences, const EventVisitor& visit) const {
  auto rest = bytes_.substr(batch_header_size);
  EventView event;
  Sequence at = first_;
  for (const auto sequence : sequences) {
    for (; at < sequence; ++at) {
      if (!skip_event(rest)) return false;
    }
    if (!take_event(rest, event)) return false;
    visit(at++, event);
  }
  return true;
}

void Batch::begin(Epoch epoch, Sequence first) {
  bytes_.clear();
  count_ = 0;
  put(bytes_, batch_version);
  put(bytes_, epoch);
  put(bytes_, first);
  put(bytes_, count_);
}

void Batch::append(const EventView& event) {
  append_event(bytes_, event);
  ++count_;
}

void Batch::append_encoded(std::string_view event) {
  bytes_.append(event);
  ++count_;
}

void Batch::append(const BatchView& next) {
  bytes_.append(next.bytes().substr(batch_header_size));
  count_ += next.count();
}

BatchView Batch::view() {
  std::memcpy(bytes_.data() + count_offset, &count_, sizeof count_);
  BatchView view;
  BatchView::parse(bytes_, view);
  return view;
}

}  // namespace revoked::engine
