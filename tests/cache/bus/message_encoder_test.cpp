#include "cache/bus/message_encoder.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "tests/cache/bus/sample_batch.hpp"

namespace revoked::cache::message_encoder_test {

using engine::EventType;
using engine::Field;
using test::event_of;
using test::sample_batch;
using Type = Invalidation::Type;

constexpr auto at = test::message_time;
constexpr const Stamp& stamp = test::message_stamp;

TEST(Message, ListsOnlyWhatInvalidates) {
  EXPECT_EQ(encode_messages(sample_batch().view(), stamp).front().text,
            R"({"journal":"k3v9x0c7q2m4ab","epoch":3,"first":1040,"last":1042,)"
            R"("at":"2026-01-02T03:04:05.678Z","up":77,"clock":"b5n8w2d4f6h1jk","events":[)"
            R"({"sequence":1040,"type":"key.revoked","key_id":"k-1","user":"u1","workspace":"w1",)"
            R"("reason":"leaked \"here\"\u000a"},)"
            R"({"sequence":1042,"type":"owner.revoked","scope":"application","id":"a@b:c+d"}]})");
}

TEST(Message, OfAnOwnerWithinOthersSaysSo) {
  engine::Batch batch;
  batch.begin(3, 7);
  auto owner = event_of(EventType::owner_revoked);
  owner[Field::owner_scope] = std::string_view("\0", 1);
  owner[Field::owner_id] = "u7";
  owner[Field::workspace] = "w1";
  batch.append(owner);
  owner[Field::application] = "a1";
  batch.append(owner);
  const auto json = encode_messages(batch.view(), stamp).front().text;
  EXPECT_NE(json.find(R"("scope":"user","id":"u7","within":{"scope":"workspace","id":"w1"}})"),
            std::string::npos)
      << json;
  EXPECT_NE(json.find(R"("within":[{"scope":"application","id":"a1"},{"scope":"workspace","id":"w1"}]})"),
            std::string::npos)
      << json;
  const auto message = decode_message(json).value();
  using Within = std::array<std::string, 3>;
  EXPECT_EQ(message.events.at(0).within, (Within{"", "", "w1"}));
  EXPECT_EQ(message.events.at(1).within, (Within{"", "a1", "w1"}));
}

TEST(Message, TellsThatOwnersAreLockedAndUnlocked) {
  engine::Batch batch;
  batch.begin(3, 7);
  auto locked = event_of(EventType::owner_locked);
  locked[Field::owner_scope] = std::string_view("\0", 1);
  locked[Field::owner_id] = "u7";
  locked[Field::workspace] = "w1";
  locked[Field::reason] = "abuse";
  const auto end = engine::encode_i64(at);
  locked[Field::expires_at] = end;
  batch.append(locked);
  auto unlocked = event_of(EventType::owner_unlocked);
  unlocked[Field::owner_scope] = std::string_view("\2", 1);
  unlocked[Field::owner_id] = "w1";
  batch.append(unlocked);
  const auto json = encode_messages(batch.view(), stamp).front().text;
  EXPECT_NE(json.find(R"({"sequence":7,"type":"owner.locked","scope":"user","id":"u7",)"
                      R"("within":{"scope":"workspace","id":"w1"},"expires_at":"2026-01-02T03:04:05.678Z",)"
                      R"("reason":"abuse"},)"
                      R"({"sequence":8,"type":"owner.unlocked","scope":"workspace","id":"w1"}])"),
            std::string::npos)
      << json;
  const auto message = decode_message(json).value();
  EXPECT_EQ(message.events.at(0).type, Type::owner_locked);
  EXPECT_EQ(message.events.at(0).owner_id, "u7");
  EXPECT_EQ(message.events.at(0).within[2], "w1");
  EXPECT_EQ(message.events.at(1).type, Type::owner_unlocked);
  EXPECT_EQ(message.events.at(1).scope, Scope::workspace);
}

// The longest escapes in a reason, and more events in one turn than fit into a message.
TEST(Message, OfALargeBatchIsSeveral) {
  const std::string reason(std::size_t{256}, '\x01');
  const std::string id(engine::max_key_id_size, 'k');
  engine::Batch batch;
  batch.begin(3, 1);
  engine::Sequence count = 3000;
  for (engine::Sequence i = 1; i <= count; ++i) {
    auto event = event_of(i % 3 == 0 ? EventType::key_created : EventType::key_revoked);
    event[Field::key_id] = id;
    event[Field::user] = event[Field::application] = event[Field::workspace] = id;
    event[Field::reason] = reason;
    batch.append(event);
  }
  auto huge = event_of(EventType::key_revoked);
  const std::string too_much(engine::max_field_size, '\x01');
  huge[Field::key_id] = id;
  huge[Field::reason] = huge[Field::user] = huge[Field::workspace] = too_much;
  batch.append(huge);
  ++count;
  const auto messages = encode_messages(batch.view(), stamp);
  EXPECT_GT(messages.size(), 3u);
  engine::Sequence next = 1;
  std::size_t events = 0;
  for (const auto& [first, last, text] : messages) {
    EXPECT_LE(text.size(), engine::max_message_bytes);
    const auto message = decode_message(text);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->first, next);
    EXPECT_EQ(message->first, first);
    EXPECT_EQ(message->last, last);
    next = last + 1;
    events += message->events.size();
    if (last != count) continue;
    EXPECT_EQ(message->events.back().type, Type::unknown) << "a single event that is too large";
  }
  EXPECT_EQ(next, count + 1);
  EXPECT_EQ(events, 2001u);
}

TEST(Message, TellsGatewaysToFlushForWhatTheEngineDoesNotKnow) {
  engine::Batch batch;
  batch.begin(1, 7);
  batch.append(event_of(static_cast<EventType>(200)));
  const auto message = decode_message(encode_messages(batch.view(), stamp).front().text).value();
  ASSERT_EQ(message.events.size(), 1u);
  EXPECT_EQ(message.events[0].type, Type::unknown);
  EXPECT_EQ(message.events[0].sequence, 7u);
}

// An id that readers reject would make all events of the message unreadable.
TEST(Message, StaysReadableWhenAnIdIsNone) {
  auto key = event_of(EventType::key_revoked);
  key[Field::key_id] = "not/an id";
  auto keys_user = event_of(EventType::key_revoked);
  keys_user[Field::key_id] = "k";
  keys_user[Field::user] = "\xff";
  auto owner = event_of(EventType::owner_revoked);
  owner[Field::owner_scope] = std::string_view("\x00", 1);
  owner[Field::owner_id] = std::string_view("a\0b", 3);
  engine::Batch batch;
  batch.begin(1, 7);
  for (const auto& event : {key, keys_user, owner, event_of(EventType::key_suspended)}) batch.append(event);
  const auto message = decode_message(encode_messages(batch.view(), stamp).front().text);
  ASSERT_TRUE(message);
  ASSERT_EQ(message->events.size(), 4u);
  for (const auto& event : message->events) EXPECT_EQ(event.type, Type::unknown);
}

TEST(Message, StaysReadableWhenAReasonIsNotUtf8) {
  engine::Batch batch;
  batch.begin(1, 1);
  auto revoked = event_of(EventType::key_revoked);
  revoked[Field::key_id] = "k";
  revoked[Field::reason] = "a\xff\x80z";
  batch.append(revoked);
  const auto text = encode_messages(batch.view(), stamp).front().text;
  EXPECT_NE(text.find(R"("reason":"a??z")"), text.npos) << text;
  EXPECT_EQ(decode_message(text).value().events.size(), 1u);
}

}  // namespace revoked::cache::message_encoder_test
