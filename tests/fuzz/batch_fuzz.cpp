// A batch of the journal: what parses reads the same in each way, can be written again, and yields messages
// that every gateway can parse and that cover the batch.

#include <vector>

#include "cache/bus/message_encoder.hpp"
#include "engine/model/event.hpp"
#include "tests/fuzz/decoded.hpp"

namespace revoked::batch_fuzz {

using engine::EventType;
using engine::EventView;
using engine::Field;

// Known fields are kept, unknown ones are skipped.
void require_the_same_written_again(const engine::BatchView& batch, const std::vector<EventView>& events) {
  engine::Batch copy;
  copy.begin(batch.epoch(), batch.first());
  for (const auto& event : events) copy.append(event);
  const auto view = copy.view();
  REQUIRE(view.epoch() == batch.epoch() && view.last() == batch.last());
  std::size_t i = 0;
  REQUIRE(view.for_each([&](engine::Sequence at, const EventView& event) {
    REQUIRE(at == batch.first() + i);
    REQUIRE(event.type == events[i].type && event.at == events[i].at && event.fields == events[i].fields);
    ++i;
  }));
  REQUIRE(i == events.size());
}

FUZZ_TARGET(batch) {
  const fuzz::Exact input(fuzz::text_of(data, size));
  engine::BatchView batch;
  if (!engine::BatchView::parse(input.view(), batch)) return 0;
  std::vector<EventView> events;
  std::vector<engine::Sequence> sequences;
  const bool is_whole = batch.for_each([&](engine::Sequence at, const EventView& event) {
    REQUIRE(at == batch.first() + events.size());
    events.push_back(event);
    if (at % 2 == 0) sequences.push_back(at);
  });
  REQUIRE(events.size() <= batch.count());
  // The journal's writer produces only numbers in range.
  constexpr auto most = std::uint64_t{1} << 62;
  const bool is_sane = batch.epoch() >= 1 && batch.epoch() < most && batch.first() < most;
  if (is_sane) {
    auto next = batch.first();
    for (const auto& encoded : cache::encode_messages(batch, {"k3v9x0c7q2m4", 1'767'322'800'000, 7})) {
      REQUIRE(encoded.text.size() <= engine::max_message_bytes);
      const auto message = cache::decode_message(encoded.text);
      REQUIRE(bool(message));
      fuzz::require_sense(*message);
      REQUIRE(message->epoch == batch.epoch() && message->first == next && message->last == encoded.last);
      next = message->last + 1;
    }
    REQUIRE(next == batch.last() + 1);
  }
  if (!is_whole) return 0;
  require_the_same_written_again(batch, events);
  std::size_t without = 0;
  REQUIRE(batch.for_each([&](engine::Sequence, const EventView&) { ++without; }, EventType::key_created));
  std::size_t found = 0;
  REQUIRE(batch.for_each_of(sequences, [&](engine::Sequence at, const EventView& event) {
    REQUIRE(at == sequences[found++]);
    REQUIRE(event.fields == events[at - batch.first()].fields);
  }));
  REQUIRE(found == sequences.size() && without <= events.size());
  return 0;
}

}  // namespace revoked::batch_fuzz
