// Answers to requests that must have one effect, for the engine that leads next. An answer is an event of its
// own, committed with the change, and found by the index. See engine.hpp.

#include "engine/engine.hpp"

namespace revoked::engine {

result<Sequence> Engine::keep_reply(std::string_view name, std::string_view reply) {
  if (!started()) return errc::not_ready;
  if (reply.size() > max_kept_reply_size) return errc::invalid_field;
  EventView event;
  event.type = EventType::reply_kept;
  event.at = now_unix_ms();
  event[Field::reply_name] = name;
  event[Field::reply] = reply;
  Journal::Turn turn(*journal_);
  if (const auto open = turn.open(); !open) return open.error();
  return turn.append(event);
}

// Those that this engine has kept itself, in this epoch, are known to its caller.
result<std::string> Engine::find_reply(std::string_view name) const {
  const auto& epochs = epochs_.all();
  if (!epochs.empty() && store_->indexed_to() < epochs.back().first) {
    if (const auto indexed = store_->wait_for_index(); !indexed) return indexed.error();
  }
  Sequence kept = 0;
  const auto scanned = store_->scan_index(IndexKind::reply, name, 0, [&](Sequence sequence) {
    kept = sequence;
    return true;
  });
  if (!scanned) return scanned.error();
  std::string reply;
  if (kept == 0) return reply;
  const auto oldest = now_unix_ms() - std::chrono::milliseconds(reply_is_kept_for).count();
  const auto read = read_events(*store_, std::span(&kept, 1), [&](Sequence, const EventView& event) {
    if (event.type == EventType::reply_kept && event.at > oldest) reply = event[Field::reply];
  });
  if (!read) return read.error();
  return reply;
}

}  // namespace revoked::engine
