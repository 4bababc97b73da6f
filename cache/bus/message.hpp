#pragma once
// The bus message: what gateways are told. One JSON object on Redis, in a feed page and in a feed stream
// (format: docs/protocol.md). Decoded messages own their strings.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"
#include "engine/model/event.hpp"

namespace revoked::cache {

using engine::Epoch;
using engine::Position;
using engine::Scope;
using engine::Sequence;
using engine::UnixMs;

// One event that can turn an allow into a deny, or a denial that is kept into an allow.
struct Invalidation {
  enum class Type {
    key_revoked,
    owner_revoked,
    owner_locked,
    owner_unlocked,
    key_suspended,
    key_changed,
    unknown,  // of a newer engine: the receiver must flush
  };
  Type type = Type::unknown;
  Sequence sequence = 0;
  std::string key_id;         // key_* only
  Scope scope = Scope::user;  // owner_* only
  std::string owner_id;       // owner_* only
  // owner_* only, by Scope: only keys that have these owners as well. Empty: whichever.
  std::array<std::string, 3> within;
  Epoch epoch = 0;  // of its message; 0: the receiver's current one

  // Whatever has become of an owner, what is known of its keys from before no longer counts.
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
  std::string journal{};              // the journal id of its epoch; empty: an engine that has none
  std::optional<std::uint64_t> up{};  // when it was sent, by the engine's own clock: see Stamp

  bool is_heartbeat() const { return first == last + 1; }
};

class JsonWriter;
// The member "within" of an owner's event, if it is within other owners: an object, or an array of two.
void write_within(JsonWriter& json, const engine::EventView& event);

inline constexpr std::string_view invalidations_channel = "revoked:v1:invalidations";
inline constexpr std::string_view acks_channel = "revoked:v1:acks";

// Where a message comes from, and when it is sent: by the wall clock of the engine, and in milliseconds by a
// clock of its process that nobody can set (engine::running_ms), so that a gateway can tell how long ago that
// was. What is read from the journal long after has no `up`.
struct Stamp {
  std::string_view journal;
  UnixMs at = 0;
  std::optional<std::uint64_t> up;
};
Stamp stamp_now(std::string_view journal);

// The messages for a batch of the journal, each of at most engine::max_message_bytes: one, unless a turn made
// a very large batch. Event types that this engine does not know, and what of the batch cannot be read, or is
// too large, appear as type "unknown", so that gateways start afresh.
struct EncodedMessage {
  Sequence first;
  Sequence last;
  std::string text;
};
std::vector<EncodedMessage> encode_messages(const engine::BatchView& batch, const Stamp& stamp);
std::string encode_heartbeat(Epoch epoch, Sequence last, const Stamp& stamp);

// Strict about what decides (epoch, first, last, events and their sequences must be there and make sense:
// 1 <= epoch, 1 <= first <= last + 1, last < 2^63 - 1, event sequences rise within first..last, no events in
// a heartbeat, ids in their alphabets); unknown members are ignored. errc::malformed otherwise.
engine::result<Message> decode_message(std::string_view json);

// A page of the engine's feed: consecutive messages after the asked position, at most up to `position`.
struct Page {
  Position position;  // where the messages end: ask for what comes after this next
  bool more = false;
  std::vector<Message> messages;
  // Of the engine when it answered.
  std::string journal{};              // of its epoch
  Position told{};                    // up to where it has told; not before `position`
  std::optional<UnixMs> at{};         // its wall clock
  std::optional<std::uint64_t> up{};  // see Stamp
};
engine::result<Page> decode_page(std::string_view json);
// The problem document of a 410: where the engine is, and no messages.
engine::result<Page> decode_gone(std::string_view json);

// What the engine answers to POST /v1/keys/verify.
struct Decision {
  enum class State { active, suspended, expired, revoked, unknown, locked };
  State state = State::unknown;
  std::string key_id;
  std::string user;
  std::string application;
  std::string workspace;
  std::string permissions;  // separated by one space
  std::optional<UnixMs> expires_at;
  std::optional<UnixMs> locked_until;  // of a locked key; none: until it is unlocked
  Position as_of;                      // the decision holds for everything up to here
  std::string journal;                 // of the epoch in which it was made
};
// Malformed as well: `active` and `state` that disagree, and an active decision without key_id or as_of.
engine::result<Decision> decode_decision(std::string_view json);
// The same of an answer that must say what it is about, in `secret_sha256`: another secret's is malformed.
engine::result<Decision> decode_decision(std::string_view json, const engine::Digest& secret_sha256);

}  // namespace revoked::cache
