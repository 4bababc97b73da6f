#include "engine/index/index.hpp"

#include "engine/model/audit.hpp"
#include "engine/model/forgotten_key.hpp"

namespace revoked::engine {

std::string index_id(const OwnerIds& owners) {
  std::string id;
  for (const auto owner : owners) id.append(owner).push_back('\0');
  return id;
}

void IndexEntries::clear() {
  all_.clear();
  ids_.clear();
}

bool IndexEntries::append(const BatchView& batch) {
  latest_actor_ = latest_user_ = {};
  bool is_whole = true;
  const bool visited = batch.for_each([&](Sequence sequence, const EventView& event) {
    if (event.type == EventType::keys_forgotten)
      is_whole = append_forgotten(sequence, event) && is_whole;
    else
      append(sequence, event);
  });
  return visited && is_whole;
}

bool IndexEntries::append_forgotten(Sequence sequence, const EventView& event) {
  all_.push_back({IndexKind::forgotten, {}, sequence});
  return for_each_forgotten(event[Field::forgotten], [&](const ForgottenKey& key) {
    all_.push_back({IndexKind::forgotten, key.key_id, sequence});
    for (std::size_t at = 0; at < key.secrets.size(); at += digest_head_bytes)
      all_.push_back({IndexKind::forgotten_secret, key.secrets.substr(at, digest_head_bytes), sequence});
  });
}

void IndexEntries::append(Sequence sequence, const EventView& event) {
  const bool is_in_tables = event.type == EventType::key_created ||
                            (event.type == EventType::key_revoked && event[Field::forgotten].empty());
  if (const auto id = event[Field::key_id]; !id.empty() && !is_in_tables) {
    all_.push_back({IndexKind::key, id, sequence});
    if (event.type == EventType::key_changed) all_.push_back({IndexKind::edit, id, sequence});
    if (event.type == EventType::key_used_after_revocation)
      all_.push_back({IndexKind::denied_use, id, sequence});
  }
  if (event.type == EventType::reply_kept)
    all_.push_back({IndexKind::reply, event[Field::reply_name], sequence});
  append_coarse(IndexKind::actor, event[Field::actor], sequence, latest_actor_);
  append_coarse(IndexKind::user, user_of(event), sequence, latest_user_);
  if (event.type != EventType::owner_revoked) return;
  if (const auto owners = named_owners(event))
    all_.push_back({IndexKind::owners, ids_.emplace_back(index_id(*owners)), sequence});
}

void IndexEntries::append_coarse(IndexKind kind, std::string_view id, Sequence sequence,
                                 std::string_view& latest) {
  if (id.empty() || id == latest) return;
  latest = id;
  all_.push_back({kind, id, sequence});
}

}  // namespace revoked::engine
