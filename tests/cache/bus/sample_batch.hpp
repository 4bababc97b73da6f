#pragma once
// A batch of the journal, and the stamp of its messages.

#include <string_view>

#include "cache/bus/message_encoder.hpp"
#include "engine/model/event.hpp"

namespace revoked::test {

inline constexpr engine::UnixMs message_time = 1'767'323'045'678;  // 2026-01-02T03:04:05.678Z
inline const cache::Stamp message_stamp{"k3v9x0c7q2m4ab", message_time, 77, {}, "b5n8w2d4f6h1jk"};

inline engine::EventView event_of(engine::EventType type) {
  engine::EventView event;
  event.type = type;
  event.at = message_time;
  return event;
}

// Revokes key k-1, creates key k-2, and revokes an application.
inline engine::Batch sample_batch() {
  using engine::EventType;
  using engine::Field;
  engine::Batch batch;
  batch.begin(3, 1040);
  auto revoked = event_of(EventType::key_revoked);
  revoked[Field::key_id] = "k-1";
  revoked[Field::user] = "u1";
  revoked[Field::workspace] = "w1";
  revoked[Field::reason] = "leaked \"here\"\n";
  batch.append(revoked);
  auto created = event_of(EventType::key_created);
  created[Field::key_id] = "k-2";
  batch.append(created);
  auto owner = event_of(EventType::owner_revoked);
  owner[Field::owner_scope] = std::string_view("\x01", 1);
  owner[Field::owner_id] = "a@b:c+d";
  batch.append(owner);
  return batch;
}

}  // namespace revoked::test
