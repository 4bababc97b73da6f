#include "engine/log/log.hpp"

#include <algorithm>
#include <optional>

namespace revoked::engine {
namespace {

// Up to this distance, reading on costs less than a look-up.
constexpr std::uint32_t near_events = 64;

}  // namespace

result<void> read_events(const Log& log, std::span<const Sequence> sequences, const EventVisitor& visit) {
  for (auto next = sequences.begin(); next != sequences.end();) {
    const auto first = next;
    const auto read = log.read(*next, [&](const BatchView& batch) {
      if (batch.first() > *next) return false;
      const auto end = std::lower_bound(next, sequences.end(), batch.last() + 1);
      batch.for_each_of(std::span(next, end), visit);
      next = end;
      // Continue with the next batch if it has a nearby event; look up distant ones.
      return next != sequences.end() && *next <= batch.last() + std::max(batch.count(), near_events);
    });
    if (!read) return read;
    if (next == first) return errc::storage_corrupt;
  }
  return {};
}

result<Sequence> last_before(const Log& log, UnixMs at) {
  Sequence before = 0;  // the last one from `at` or before, if any
  for (auto after = log.last() + 1; after - before > 1;) {
    const auto middle = before + (after - before) / 2;
    UnixMs found = 0;
    const auto read =
        read_events(log, std::span(&middle, 1), [&](Sequence, const EventView& event) { found = event.at; });
    if (!read) return read.error();
    (found <= at ? before : after) = middle;
  }
  return before;
}

result<Digest> digest_of_batch(const Log& log, Sequence sequence) {
  if (sequence == 0) return sha256({});
  std::optional<Digest> digest;
  const auto read = log.read(sequence, [&](const BatchView& batch) {
    if (batch.first() <= sequence) digest = sha256(batch.bytes());
    return false;
  });
  if (!read) return read.error();
  if (!digest) return errc::storage_corrupt;
  return *digest;
}

result<bool> has_epoch(const Log& log, const EpochStart& epoch) {
  bool has = epoch == EpochStart{};
  if (has || epoch.first > log.last()) return has;
  const auto read = log.read(epoch.first, [&](const BatchView& batch) {
    batch.for_each_of(std::span(&epoch.first, 1), [&](Sequence, const EventView& event) {
      has = batch.epoch() == epoch.epoch && event.type == EventType::epoch_started &&
            event[Field::journal] == epoch.journal;
    });
    return false;
  });
  if (!read) return {boost::system::in_place_error, read.error()};
  return has;
}

}  // namespace revoked::engine
