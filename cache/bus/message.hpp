#pragma once
// The message by which the engine notifies gateways: one JSON object on Redis, in a feed page and in a feed
// stream (format: docs/protocol.md). Decoded messages own their strings.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"
#include "engine/model/decision.hpp"
#include "engine/model/event.hpp"
#include "engine/model/json_writer.hpp"

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

  bool is_heartbeat() const { return first == last + 1; }
};

// Writes the member "within" of an owner's event if it has one: an object, or an array of two.
void write_within(engine::JsonWriter& json, const engine::EventView& event);

inline constexpr std::string_view invalidations_channel = "revoked:v1:invalidations";
inline constexpr std::string_view acks_channel = "revoked:v1:acks";

// Source and send time of a message: the engine's wall clock, and `up`, milliseconds of a process clock that
// cannot be set (engine::running_ms), from which a gateway computes the message's age. Messages read from the
// journal later have no `up`.
struct Stamp {
  std::string_view journal;
  UnixMs at = 0;
  std::optional<std::uint64_t> up;
};
Stamp stamp_now(std::string_view journal);

// Encodes a batch of the journal, usually as one message; each has at most engine::max_message_bytes. Events
// that this engine does not know, cannot read or that are too large get type "unknown", so that gateways
// flush.
struct EncodedMessage {
  Sequence first;
  Sequence last;
  std::string text;
};
std::vector<EncodedMessage> encode_messages(const engine::BatchView& batch, const Stamp& stamp);
std::string encode_heartbeat(Epoch epoch, Sequence last, const Stamp& stamp);

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
};
engine::result<Page> decode_page(std::string_view json);
// Decodes the problem document of a 410: the engine's position, no messages.
engine::result<Page> decode_gone(std::string_view json);

// The response to POST /v1/keys/verify.
struct Decision {
  using State = engine::KeyState;
  State state = State::unknown;
  std::string key_id;
  std::string user;
  std::string application;
  std::string workspace;
  std::string permissions;  // separated by one space
  std::optional<UnixMs> expires_at;
  std::optional<UnixMs> locked_until;  // locked keys only; none: until unlocked
  Position as_of;                      // the decision covers all events up to here
  std::string journal;                 // of the epoch in which it was made
};
// Also malformed: `active` and `state` that disagree, and an active decision without key_id or as_of.
engine::result<Decision> decode_decision(std::string_view json);
// The response must name its secret in `secret_sha256`; another digest is malformed.
engine::result<Decision> decode_decision(std::string_view json, const engine::Digest& secret_sha256);

}  // namespace revoked::cache
