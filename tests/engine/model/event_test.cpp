#include "engine/model/event.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <vector>

namespace revoked::engine::event_test {

EventView full_event() {
  static const std::array<std::string, field_count> texts = [] {
    std::array<std::string, field_count> made;
    for (std::size_t tag = 0; tag < field_count; ++tag) made[tag] = "field " + std::to_string(tag);
    return made;
  }();
  EventView event;
  event.type = EventType::key_created;
  event.at = 1'767'323'045'678;
  for (std::size_t tag = 0; tag < field_count; ++tag) event.fields[tag] = texts[tag];
  return event;
}

Batch sample_batch() {
  Batch batch;
  batch.begin(3, 1040);
  batch.append(full_event());
  EventView bare;
  bare.type = EventType::epoch_started;
  batch.append(bare);
  EventView revoked;
  revoked.type = EventType::key_revoked;
  revoked.at = -5;
  revoked[Field::key_id] = "k1";
  batch.append(revoked);
  return batch;
}

// Reads all that a reader of untrusted bytes would, from memory that ends with the bytes, so that a sanitizer
// detects any access beyond.
std::size_t read_all(std::string_view bytes) {
  const auto copy = std::make_unique<char[]>(bytes.size());
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  BatchView batch;
  if (!BatchView::parse({copy.get(), bytes.size()}, batch)) return 0;
  std::size_t sum = 0;
  std::size_t events = 0;
  const bool whole = batch.for_each([&](Sequence, const EventView& event) {
    ++events;
    for (const auto field : event.fields) {
      for (const char c : field) sum += static_cast<unsigned char>(c);
    }
  });
  EXPECT_LE(events, bytes.size());
  return whole ? sum + 1 : 0;
}

TEST(Event, ComesBackAsItWasWritten) {
  std::string bytes;
  const auto event = full_event();
  append_event(bytes, event);
  bytes += "next";
  std::string_view rest = bytes;
  EventView read;
  ASSERT_TRUE(take_event(rest, read));
  EXPECT_EQ(rest, "next");
  EXPECT_EQ(read.type, event.type);
  EXPECT_EQ(read.at, event.at);
  EXPECT_EQ(read.fields, event.fields);
}

TEST(Event, HoldsTheLargestField) {
  const std::string large(max_field_size, 'x');
  EventView event;
  event[Field::metadata] = large;
  std::string bytes;
  append_event(bytes, event);
  std::string_view rest = bytes;
  EventView read;
  ASSERT_TRUE(take_event(rest, read));
  EXPECT_EQ(read[Field::metadata], large);
}

TEST(Event, ForgetsWhatItsObjectHeldBefore) {
  std::string bytes;
  append_event(bytes, EventView{});
  auto event = full_event();
  std::string_view rest = bytes;
  ASSERT_TRUE(take_event(rest, event));
  for (const auto field : event.fields) EXPECT_TRUE(field.empty());
}

TEST(Event, UnknownTagsAreSkipped) {
  std::string bytes;
  EventView event;
  event.type = EventType::key_revoked;
  event[Field::key_id] = "k1";
  append_event(bytes, event);
  bytes += std::string("\xfe\x03\x00new", 6);
  bytes += std::string("\x04\x02\x00ok", 5);  // Field::reason, after it
  const auto size = static_cast<std::uint32_t>(bytes.size() - 5);
  std::memcpy(bytes.data() + 1, &size, sizeof size);
  std::string_view rest = bytes;
  EventView read;
  ASSERT_TRUE(take_event(rest, read));
  EXPECT_EQ(read[Field::key_id], "k1");
  EXPECT_EQ(read[Field::reason], "ok");
  EXPECT_TRUE(rest.empty());
}

TEST(Event, UnknownTypesAreKept) {
  Batch batch;
  batch.begin(1, 1);
  EventView event;
  event.type = static_cast<EventType>(200);
  batch.append(event);
  batch.append(full_event());
  std::vector<int> types;
  EXPECT_TRUE(batch.view().for_each(
      [&](Sequence, const EventView& e) { types.push_back(static_cast<int>(e.type)); }));
  EXPECT_EQ(types, (std::vector<int>{200, 2}));
}

TEST(Event, NumbersComeBack) {
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 62}) {
    EXPECT_EQ(decode_i64(encode_i64(value), 7), value);
  }
  EXPECT_EQ(decode_i64("", 7), 7);
  EXPECT_EQ(decode_i64("1234567", 7), 7);
  EXPECT_EQ(decode_i64("123456789", 7), 7);
}

TEST(Event, OwnersHaveTheirFields) {
  EXPECT_EQ(owner_field(Scope::user), Field::user);
  EXPECT_EQ(owner_field(Scope::application), Field::application);
  EXPECT_EQ(owner_field(Scope::workspace), Field::workspace);
}

TEST(Batch, ComesBackAsItWasWritten) {
  auto batch = sample_batch();
  BatchView view;
  ASSERT_TRUE(BatchView::parse(batch.view().bytes(), view));
  EXPECT_EQ(view.epoch(), 3u);
  EXPECT_EQ(view.first(), 1040u);
  EXPECT_EQ(view.last(), 1042u);
  EXPECT_EQ(view.count(), 3u);
  std::vector<std::pair<Sequence, EventType>> seen;
  EXPECT_TRUE(view.for_each([&](Sequence at, const EventView& event) { seen.emplace_back(at, event.type); }));
  EXPECT_EQ(seen, (std::vector<std::pair<Sequence, EventType>>{{1040, EventType::key_created},
                                                               {1041, EventType::epoch_started},
                                                               {1042, EventType::key_revoked}}));
}

TEST(Batch, PassesOverOneTypeUnread) {
  auto batch = sample_batch();
  const auto seen_but = [&](EventType but) {
    std::vector<Sequence> seen;
    EXPECT_TRUE(batch.view().for_each([&](Sequence at, const EventView&) { seen.push_back(at); }, but));
    return seen;
  };
  EXPECT_EQ(seen_but(EventType::key_created), (std::vector<Sequence>{1041, 1042}));
  EXPECT_EQ(seen_but(EventType::key_revoked), (std::vector<Sequence>{1040, 1041}));
  EXPECT_EQ(seen_but(EventType::key_rotated), (std::vector<Sequence>{1040, 1041, 1042}));
}

TEST(Batch, BeginsAnew) {
  auto batch = sample_batch();
  batch.begin(4, 9);
  EXPECT_EQ(batch.count(), 0u);
  EXPECT_EQ(batch.size_bytes(), 0u);
  EventView event;
  event.type = EventType::key_revoked;
  batch.append(event);
  EXPECT_EQ(batch.count(), 1u);
  EXPECT_EQ(batch.size_bytes(), batch.view().bytes().size());
  EXPECT_EQ(batch.view().epoch(), 4u);
  EXPECT_EQ(batch.view().first(), 9u);
  EXPECT_EQ(batch.view().last(), 9u);
}

TEST(Batch, RefusesAHeaderThatIsNone) {
  const std::string bytes(sample_batch().view().bytes());
  BatchView view;
  auto wrong = bytes;
  wrong[0] = 2;  // a future version
  EXPECT_FALSE(BatchView::parse(wrong, view));
  wrong = bytes;
  std::memset(wrong.data() + 9, 0, 8);  // sequence 0
  EXPECT_FALSE(BatchView::parse(wrong, view));
  wrong = bytes;
  std::memset(wrong.data() + 17, 0, 4);  // no events
  EXPECT_FALSE(BatchView::parse(wrong, view));
  wrong = bytes;
  std::memset(wrong.data() + 9, 0xff, 8);  // sequences would wrap
  EXPECT_FALSE(BatchView::parse(wrong, view));
}

TEST(Batch, EveryTruncationIsNoticed) {
  const std::string bytes(sample_batch().view().bytes());
  ASSERT_NE(read_all(bytes), 0u);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(read_all(std::string_view(bytes).substr(0, size)), 0u) << size;
  }
  EXPECT_EQ(read_all(bytes + "x"), 0u);
}

TEST(Batch, NoMutationReadsOutside) {
  const std::string bytes(sample_batch().view().bytes());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int value : {0, 1, 2, 0x7f, 0x80, 0xfe, 0xff}) {
      auto wrong = bytes;
      wrong[at] = static_cast<char>(value);
      read_all(wrong);
    }
  }
  std::mt19937_64 random(11);
  for (int i = 0; i < 50'000; ++i) {
    auto wrong = bytes;
    for (auto changes = 1 + random() % 4; changes > 0; --changes) {
      wrong[random() % wrong.size()] = static_cast<char>(random());
    }
    if (random() % 4 == 0) wrong.resize(random() % (wrong.size() + 1));
    read_all(wrong);
  }
}

}  // namespace revoked::engine::event_test
