#pragma once
// Encodes what the engine sends to gateways: a batch of the journal, or a heartbeat, as messages
// (message.hpp; format: docs/protocol.md). Any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/bus/message.hpp"
#include "engine/base/boot_clock.hpp"
#include "engine/model/event.hpp"
#include "engine/model/json_writer.hpp"

namespace revoked::cache {

// Source and send time of a message: the engine's wall clock, and `up`, milliseconds of a process clock that
// cannot be set (engine::running_ms), from which a gateway computes the message's age. Messages read from the
// journal later have no `up`.
struct Stamp {
  std::string_view journal;
  UnixMs at = 0;
  std::optional<std::uint64_t> up;
  std::optional<std::uint64_t> report_ms{};  // of a heartbeat: see Message
  std::string_view clock{};                  // names the clock of `up`: several engines may share a journal
};
Stamp stamp_at(std::string_view journal, engine::BootClock::time_point at);
// Of this process' clock, drawn at random.
std::string_view clock_id();

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

// Writes the member unless `text` is empty. Text that is not UTF-8 would make the whole message unreadable,
// and every repair that covers it: it is made readable.
void append_text_field(engine::JsonWriter& json, std::string_view name, std::string_view text);

// Writes the member "within" of an owner's event if it has one: an object, or an array of two.
void write_within(engine::JsonWriter& json, const engine::EventView& event);

}  // namespace revoked::cache
