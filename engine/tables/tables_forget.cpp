// Removal of keys from the tables. See tables.hpp.

#include <vector>

#include "engine/model/forgotten_key.hpp"
#include "engine/tables/tables.hpp"

namespace revoked::engine {
namespace {

std::string_view bytes_of(const DigestHead& head) {
  return {reinterpret_cast<const char*>(head.words.data()), digest_head_bytes};
}

}  // namespace

void Tables::append_remains(Slot key, std::string& out) const {
  const KeyRecord& record = keys[key];
  std::string id;
  std::string secrets;
  keys.append_id(key, id);
  ForgottenKey remains{id, record.created, record.revoked(), record.expires_at(), record.is_edited(), {}};
  for_each_secret(key, [&](Slot each) {
    remains.created = keys[each].created;
    if (secrets.size() < max_forgotten_secrets * digest_head_bytes)
      secrets.append(bytes_of(keys[each].digest));
    return true;
  });
  remains.secrets = secrets;
  append_forgotten(out, remains);
}

void Tables::forget_keys(Sequence sequence, const EventView& event) {
  // First, then the filter: a reader that no longer finds the key must see both, so that it waits for what
  // the log and the index have about it.
  forgotten_through_.store(sequence, std::memory_order_release);
  for_each_forgotten(event[Field::forgotten], [&](const ForgottenKey& remains) {
    forgotten.add(Forgotten::id, remains.key_id);
    for (std::size_t at = 0; at < remains.secrets.size(); at += digest_head_bytes)
      forgotten.add(Forgotten::secret, remains.secrets.substr(at, digest_head_bytes));
    if (const Slot slot = keys.find_by_id(remains.key_id); slot != no_slot) forget_key(slot);
  });
  keys.end_removals();
}

void Tables::forget_key(Slot key) {
  if (keys[key].revoked() == 0) uncount(keys[key]);
  std::vector<Slot> secrets;
  for_each_secret(key, [&](Slot each) {
    secrets.push_back(each);
    return true;
  });
  if (secrets.size() > 1) {
    const MutexLock lock(predecessors_mutex_);
    for (const Slot each : secrets) predecessors_.erase(each);
  }
  keys.remove(secrets);
}

}  // namespace revoked::engine
