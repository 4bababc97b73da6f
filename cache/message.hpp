#pragma once
// The bus message: what gateways are told. One JSON object on Redis, in a feed page and in a feed stream
// (format: docs/protocol.md). Decoded messages own their strings.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/digest.hpp"
#include "engine/error.hpp"
#include "engine/event.hpp"

namespace revoked::cache {

using engine::Epoch;
using engine::Position;
using engine::Scope;
using engine::Sequence;
using engine::UnixMs;

// One event that can turn an allow into a deny.
struct Invalidation {
  enum class Type {
    key_revoked,
    owner_revoked,
    key_suspended,
    key_changed,
    unknown,  // of a newer engine: the receiver must flush
  };
  Type type = Type::unknown;
  Sequence sequence = 0;
  std::string key_id;         // key_* only
  Scope scope = Scope::user;  // owner_revoked only
  std::string owner_id;       // owner_revoked only
  std::string reason;
  Epoch epoch = 0;  // of its message; 0: the receiver's current one
};

// `first..last` covers every journal entry; `events` lists those that invalidate. A heartbeat has
// first == last + 1 and no events.
struct Message {
  Epoch epoch = 0;
  Sequence first = 0;
  Sequence last = 0;
  UnixMs at = 0;
  std::vector<Invalidation> events;

  bool is_heartbeat() const { return first == last + 1; }
};

inline constexpr std::string_view invalidations_channel = "revoked:v1:invalidations";
inline constexpr std::string_view acks_channel = "revoked:v1:acks";

// The message for a batch of the journal. Event types that this engine does not know, and what of the batch
// cannot be read, appear as type "unknown", so that gateways start afresh.
std::string encode_message(const engine::BatchView& batch, UnixMs at);
std::string encode_heartbeat(Epoch epoch, Sequence last, UnixMs at);

// Strict about what decides (epoch, first, last, events and their sequences must be there and make sense:
// 1 <= epoch, 1 <= first <= last + 1, last < 2^63 - 1, event sequences rise within first..last, no events in
// a heartbeat, ids in their alphabets); unknown members are ignored. errc::malformed otherwise.
engine::result<Message> decode_message(std::string_view json);

// A page of the engine's feed: consecutive messages after the asked position, at most up to `position`.
struct Page {
  Position position;  // where the messages end: ask for what comes after this next
  bool more = false;
  std::vector<Message> messages;
};
engine::result<Page> decode_page(std::string_view json);

// What the engine answers to POST /v1/keys/verify.
struct Decision {
  enum class State { active, suspended, expired, revoked, unknown };
  State state = State::unknown;
  std::string key_id;
  std::string user;
  std::string application;
  std::string workspace;
  std::string permissions;  // separated by one space
  std::optional<UnixMs> expires_at;
  Position as_of;  // the decision holds for everything up to here
};
// Malformed as well: `active` and `state` that disagree, and an active decision without key_id or as_of.
engine::result<Decision> decode_decision(std::string_view json);
// The same of an answer that must say what it is about, in `secret_sha256`: another secret's is malformed.
engine::result<Decision> decode_decision(std::string_view json, const engine::Digest& secret_sha256);

}  // namespace revoked::cache
