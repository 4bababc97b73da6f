#pragma once
// Events, and the compact encoding of a batch of events in the journal.
//
//   batch  = version:u8 epoch:u64 first:u64 count:u32 event*
//   event  = type:u8 size:u32 at:i64 field*        (size: bytes of `at` and the fields)
//   field  = tag:u8 size:u16 byte*
//
// Integers are little endian. Event i of a batch has sequence first + i. Unknown types and tags are kept and
// skipped, so an older engine can read a newer journal. Views point into the batch and are valid as long as
// it.

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/time.hpp"
#include "engine/model/ids.hpp"
#include "engine/model/position.hpp"

namespace revoked::engine {

enum class EventType : std::uint8_t {
  epoch_started = 1,
  key_created = 2,
  key_revoked = 3,
  owner_revoked = 4,
  key_suspended = 5,
  key_resumed = 6,
  key_rotated = 7,
  attempt_refused = 8,  // no change: for the audit trail only
  owner_locked = 9,     // its end is in expires_at; none: until unlocked
  owner_unlocked = 10,
  key_changed = 11,     // an edit of its record
  keys_forgotten = 12,  // permanently inactive keys left the tables: forgotten_key.hpp
  // No change: attempts that gateways denied, for the audit trail.
  key_used_after_revocation = 13,
  reply_kept = 14,  // no change: the answer to a request that must have one effect (engine_replies.cpp)
};

// Whether the event concerns all keys of an owner.
constexpr bool is_of_owner(EventType type) {
  return type == EventType::owner_revoked || type == EventType::owner_locked ||
         type == EventType::owner_unlocked;
}

enum class Field : std::uint8_t {
  key_id,
  user,
  application,
  workspace,
  reason,
  digest,  // 32 bytes
  name,
  expires_at,   // i64, Unix milliseconds
  permissions,  // separated by one space
  metadata,     // a JSON object, as text
  owner_scope,  // u8, a Scope
  owner_id,
  actor,
  address,
  request_id,
  grace_until,  // i64, Unix milliseconds: when the old secret of a rotated key ends
  actor_kind,   // u8, an ActorKind (policy.hpp)
  journal,      // of epoch_started: the epoch's journal id
  width,        // u16, a Width (policy.hpp): of the caller that suspended a key or locked an owner
  edited,       // of key_changed: one byte for each Field it sets
  created_at,   // i64, Unix milliseconds: of an imported key, its creation in the other system
  forgotten,    // of keys_forgotten: which; of key_revoked: set if the key had already left the tables
  // Of key_used_after_revocation: the name of the gateway; Attempts (usage.hpp) there since the event before
  // for this key and gateway; Attempts at all gateways so far; the names of these, one a line.
  gateway,
  attempts,
  all_attempts,
  gateways,
  exposed,  // of key_revoked: set if the key was named by its secret, which has leaked
  // Of reply_kept: a name of the request, and the answer, both meaningless to who has not made the request.
  reply_name,
  reply,
  count_,  // number of fields
};
inline constexpr std::size_t field_count = static_cast<std::size_t>(Field::count_);
inline constexpr std::size_t max_field_size = 0xffff;

// The largest unit sent to a reader: a message on the bus, or an event of the feed's stream, as JSON. Every
// reader accepts this size, and resynchronises after a message that it cannot read.
inline constexpr std::size_t max_message_bytes = 1 << 20;
// A page of the feed: this many bytes of messages, and of framing around them. One message always fits.
inline constexpr std::size_t max_page_bytes = 4 * max_message_bytes;
inline constexpr std::size_t max_page_frame_bytes = 64 << 10;

struct EventView {
  EventType type{};
  UnixMs at = 0;
  std::array<std::string_view, field_count> fields{};

  std::string_view operator[](Field field) const { return fields[static_cast<std::size_t>(field)]; }
  std::string_view& operator[](Field field) { return fields[static_cast<std::size_t>(field)]; }
};

constexpr Field owner_field(Scope scope) {
  return static_cast<Field>(static_cast<int>(Field::user) + static_cast<int>(scope));
}

// By Scope; empty: none or any, depending on use.
using OwnerIds = std::array<std::string_view, 3>;
OwnerIds owners_of(const EventView& event);
// The owners an owner event names; it applies to keys that have all of them. One is in owner_scope and
// owner_id, those that narrow it in their own fields. Empty: the event is invalid.
std::optional<OwnerIds> named_owners(const EventView& event);

// Whether a key_changed event sets `member`: name, expires_at, permissions or metadata. An empty field then
// clears it.
inline bool is_edited(const EventView& event, Field member) {
  return event[Field::edited].find(static_cast<char>(member)) != std::string_view::npos;
}

// Encodings of fixed-size field values.
std::string encode_i64(std::int64_t value);
std::int64_t decode_i64(std::string_view bytes, std::int64_t otherwise);
std::string encode_u16(std::uint16_t value);
std::uint16_t decode_u16(std::string_view bytes, std::uint16_t otherwise);

void append_event(std::string& out, const EventView& event);
// Decodes one event from the front of `bytes` and removes it; false if there is no valid one.
bool take_event(std::string_view& bytes, EventView& event);

// An epoch and the sequence where it begins. Every epoch has a random journal id, so this also identifies the
// log.
struct EpochStart {
  Epoch epoch = 0;
  Sequence first = 0;
  std::string journal;  // its journal id
  friend bool operator==(const EpochStart&, const EpochStart&) = default;
};

// Called with every event and its sequence.
using EventVisitor = std::function<void(Sequence, const EventView&)>;

// A view of an encoded batch. Does not own the bytes.
class BatchView {
 public:
  BatchView() = default;
  // False if the header is invalid. `for_each` checks the events.
  static bool parse(std::string_view bytes, BatchView& view);

  Epoch epoch() const { return epoch_; }
  Sequence first() const { return first_; }
  Sequence last() const { return first_ + count_ - 1; }
  std::uint32_t count() const { return count_; }
  std::string_view bytes() const { return bytes_; }

  // False if the bytes are not `count()` events; those before the fault have been visited.
  // Events of type `but`, if given, are skipped without decoding, which is faster.
  bool for_each(const EventVisitor& visit, std::optional<EventType> but = {}) const;
  // The same for these sequences only, which must be ascending; the others are skipped without decoding.
  bool for_each_of(std::span<const Sequence> sequences, const EventVisitor& visit) const;

 private:
  std::string_view bytes_;
  Epoch epoch_ = 0;
  Sequence first_ = 0;
  std::uint32_t count_ = 0;
};

// A batch under construction. Reusable: `begin` keeps the capacity.
class Batch {
 public:
  void begin(Epoch epoch, Sequence first);
  void append(const EventView& event);
  void append_encoded(std::string_view event);  // as encoded by append_event()
  // Appends the batch that follows this one in the same epoch.
  void append(const BatchView& next);
  std::uint32_t count() const { return count_; }
  std::size_t size_bytes() const { return count_ == 0 ? 0 : bytes_.size(); }
  BatchView view();  // valid until the next change

 private:
  std::string bytes_;
  std::uint32_t count_ = 0;  // written to the bytes only by view(): less memory shared between threads
};

}  // namespace revoked::engine
