#pragma once
// The message by which the engine notifies gateways: one JSON object on Redis, in a feed page and in a feed
// stream (format: docs/protocol.md). Decoded here; encoded by message_encoder. Decoded messages own their
// strings. Any thread.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/model/event.hpp"

namespace revoked::cache {

using engine::Epoch;
using engine::Position;
using engine::Scope;
using engine::Sequence;
using engine::UnixMs;

// One event that can turn an allow into a deny, or a cached deny into an allow.
struct Invalidation {
  enum class Type {
    key_revoked,
    owner_revoked,
    owner_locked,
    owner_unlocked,
    key_suspended,
    key_changed,
    unknown,  // from a newer engine: the receiver must flush
  };
  Type type = Type::unknown;
  Sequence sequence = 0;
  std::string key_id;         // key_* only
  Scope scope = Scope::user;  // owner_* only
  std::string owner_id;       // owner_* only
  // owner_* only, by Scope: limits the event to keys that also have these owners. Empty: no limit.
  std::array<std::string, 3> within;
  Epoch epoch = 0;  // of its message; 0: the receiver's current one

  // For all of these, cached decisions on the owner's keys are no longer valid.
  bool is_of_owner() const {
    return type == Type::owner_revoked || type == Type::owner_locked || type == Type::owner_unlocked;
  }
};

// `first..last` covers every journal entry; `events` lists those that invalidate. A heartbeat has
// first == last + 1 and no events.
struct Message {
  Epoch epoch = 0;
  Sequence first = 0;
  Sequence last = 0;
  UnixMs at = 0;
  std::vector<Invalidation> events;
  std::string journal{};              // the journal id of its epoch; empty: the engine has none
  std::optional<std::uint64_t> up{};  // send time by the engine's monotonic clock: see Stamp
  std::string clock{};                // which clock `up` is of; empty: the engine does not name it
  // In heartbeats: the period of reports while there are changes, in milliseconds.
  std::optional<std::uint64_t> report_ms{};

  bool is_heartbeat() const { return first == last + 1; }
};

inline constexpr std::string_view invalidations_channel = "revoked:v1:invalidations";
inline constexpr std::string_view acks_channel = "revoked:v1:acks";

// Strict about the members that decide (epoch, first, last, events and their sequences must be present: 1 <=
// epoch, 1 <= first <= last + 1, last < 2^63 - 1, event sequences ascend within first..last, no events in a
// heartbeat, ids in their alphabets); unknown members are ignored. errc::malformed otherwise.
engine::result<Message> decode_message(std::string_view json);

// A page of the engine's feed: consecutive messages after the requested position, up to `position`.
struct Page {
  Position position;  // where the messages end: the next page starts after it
  bool more = false;
  std::vector<Message> messages;
  // State of the engine when it responded.
  std::string journal{};              // of its epoch
  Position published{};               // the last published position; not before `position`
  std::optional<UnixMs> at{};         // its wall clock
  std::optional<std::uint64_t> up{};  // see Stamp
  std::string clock{};                // see Message
};
engine::result<Page> decode_page(std::string_view json);
// Decodes the problem document of a 410: the engine's position, no messages.
engine::result<Page> decode_gone(std::string_view json);

}  // namespace revoked::cache
