#include "cache/bus/decision.hpp"
#include "cache/bus/message_encoder.hpp"

#include <gtest/gtest.h>

#include <random>

namespace revoked::cache::message_test {

using engine::EventType;
using engine::EventView;
using engine::Field;
using Type = Invalidation::Type;

constexpr UnixMs at = 1'767'323'045'678;  // 2026-01-02T03:04:05.678Z
const Stamp stamp{"k3v9x0c7q2m4ab", at, 77};

EventView event_of(EventType type) {
  EventView event;
  event.type = type;
  event.at = at;
  return event;
}

engine::Batch sample_batch() {
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

bool is_malformed(std::string_view json) { return decode_message(json).has_error(); }

TEST(Message, ListsOnlyWhatInvalidates) {
  EXPECT_EQ(encode_messages(sample_batch().view(), stamp).front().text,
            R"({"journal":"k3v9x0c7q2m4ab","epoch":3,"first":1040,"last":1042,)"
            R"("at":"2026-01-02T03:04:05.678Z","up":77,"events":[)"
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

// Taking it for a revocation of all the owner's keys would be safe; taking it for one of fewer would not.
TEST(Message, WithinSomethingUnknownIsUnknown) {
  const auto type_of = [](const std::string& within) {
    const auto message = decode_message(
        R"({"epoch":1,"first":1,"last":2,"events":[{"sequence":1,"type":"owner.revoked",)"
        R"("scope":"user","within":)" +
        within + R"(,"id":"u1","reason":"x"},{"sequence":2,"type":"key.revoked","key_id":"k"}]})");
    EXPECT_TRUE(message && message->events.size() == 2 && message->events[1].key_id == "k") << within;
    return message ? message->events.at(0).type : Type::key_changed;
  };
  EXPECT_EQ(type_of(R"({"scope":"workspace","id":"w"})"), Type::owner_revoked);
  EXPECT_EQ(type_of(R"([{"scope":"workspace","id":"w"}])"), Type::owner_revoked);
  for (const auto* within :
       {"null", "[]", "{}", "7", R"("w")", R"({"scope":"region","id":"w"})",
        R"({"scope":"workspace","id":""})", R"({"scope":"workspace","id":".."})", R"({"scope":"workspace"})",
        R"({"scope":"user","id":"u2"})", R"([{"scope":"workspace","id":"w"},{"scope":"workspace","id":"v"}])",
        R"([{"scope":"workspace","id":"w"},7])", R"({"scope":["workspace"],"id":{"a":[1]}})"}) {
    EXPECT_EQ(type_of(within), Type::unknown) << within;
  }
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

TEST(Message, ComesBackAsItWent) {
  const auto message = decode_message(encode_messages(sample_batch().view(), stamp).front().text).value();
  EXPECT_EQ(message.epoch, 3u);
  EXPECT_EQ(message.first, 1040u);
  EXPECT_EQ(message.last, 1042u);
  EXPECT_EQ(message.at, at);
  EXPECT_EQ(message.journal, stamp.journal);
  EXPECT_EQ(message.up, 77u);
  EXPECT_FALSE(message.is_heartbeat());
  ASSERT_EQ(message.events.size(), 2u);
  EXPECT_EQ(message.events[0].type, Type::key_revoked);
  EXPECT_EQ(message.events[0].key_id, "k-1");
  EXPECT_EQ(message.events[0].epoch, 3u);
  EXPECT_EQ(message.events[1].type, Type::owner_revoked);
  EXPECT_EQ(message.events[1].sequence, 1042u);
  EXPECT_EQ(message.events[1].scope, Scope::application);
  EXPECT_EQ(message.events[1].owner_id, "a@b:c+d");
}

TEST(Message, HeartbeatCoversNothing) {
  const auto heartbeat = decode_message(encode_heartbeat(3, 1042, stamp)).value();
  EXPECT_TRUE(heartbeat.is_heartbeat());
  EXPECT_EQ(heartbeat.first, 1043u);
  EXPECT_EQ(heartbeat.last, 1042u);
  EXPECT_TRUE(decode_message(encode_heartbeat(1, 0, stamp)).value().is_heartbeat());
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

TEST(Message, IgnoresMembersItDoesNotKnow) {
  const auto message = decode_message(
      R"({"new":{"epoch":9,"deep":[1,{"first":2}]},"epoch":1,"first":1,"last":1,"at":"2026-01-02T03:04:05Z",)"
      R"("events":[{"sequence":1,"type":"key.revoked","key_id":"k","new":[null]}],"later":"x"})");
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->events.at(0).key_id, "k");
}

TEST(Message, TakesAnUnknownTypeOrScopeAsUnknown) {
  const auto types = decode_message(
      R"({"epoch":1,"first":1,"last":3,"at":"2026-01-02T03:04:05Z","events":[{"sequence":1,"type":"key.exploded"},)"
      R"({"sequence":2,"type":"owner.revoked","scope":"planet","id":"x"},)"
      R"({"sequence":3,"type":"key.suspended","key_id":"k"}]})");
  ASSERT_TRUE(types.has_value());
  EXPECT_EQ(types->events[0].type, Type::unknown);
  EXPECT_EQ(types->events[1].type, Type::unknown);
  EXPECT_EQ(types->events[2].type, Type::key_suspended);
}

TEST(Message, RefusesWhatDoesNotMakeSense) {
  const std::string_view refused[] = {
      "",
      "{}",
      "[]",
      "null",
      R"({"epoch":1,"first":1,"last":1,"events":[])",                            // cut off
      R"({"epoch":1,"first":1,"last":1,"events":[]} x)",                         // trailing text
      R"({"epoch":1,"first":1,"last":1,"events":[]}{})",                         // a second object
      R"({"epoch":1,"epoch":1,"first":1,"last":1,"events":[]})",                 // twice
      R"({"epoch":1,"\u0065poch":2,"first":1,"last":1,"events":[]})",            // twice, escaped
      R"({"first":1,"last":1,"events":[]})",                                     // a missing member
      R"({"epoch":1,"first":1,"last":1})",                                       //
      R"({"epoch":0,"first":1,"last":1,"events":[]})",                           // no epoch
      R"({"epoch":1,"first":0,"last":1,"events":[]})",                           // before the first
      R"({"epoch":1,"first":3,"last":1,"events":[]})",                           // further than a heartbeat
      R"({"epoch":-1,"first":1,"last":1,"events":[]})",                          //
      R"({"epoch":1.5,"first":1,"last":1,"events":[]})",                         //
      R"({"epoch":"1","first":1,"last":1,"events":[]})",                         //
      R"({"epoch":1,"first":1,"last":18446744073709551615,"events":[]})",        // last + 1 would overflow
      R"({"epoch":1,"first":1,"last":9223372036854775807,"events":[]})",         //
      R"({"epoch":1,"first":1,"last":99999999999999999999,"events":[]})",        //
      R"({"epoch":1,"first":1,"last":1,"at":"yesterday","events":[]})",          //
      R"({"journal":"","epoch":1,"first":1,"last":1,"events":[]})",              //
      R"({"journal":"A-b","epoch":1,"first":1,"last":1,"events":[]})",           //
      R"({"journal":1,"epoch":1,"first":1,"last":1,"events":[]})",               //
      R"({"up":-1,"epoch":1,"first":1,"last":1,"events":[]})",                   //
      R"({"epoch":1,"first":1,"last":1,"events":null})",                         //
      R"({"epoch":1,"first":2,"last":1,"events":[{"sequence":1,"type":"x"}]})",  // an event in a heartbeat
      R"({"epoch":1,"first":1,"last":2,"events":[{"sequence":3,"type":"x"}]})",  // outside
      R"({"epoch":1,"first":1,"last":2,"events":[{"sequence":2,"type":"x"},{"sequence":1,"type":"x"}]})",
      R"({"epoch":1,"first":1,"last":2,"events":[{"sequence":1,"type":"x"},{"sequence":1,"type":"x"}]})",
      R"({"epoch":1,"first":1,"last":1,"events":[{"sequence":1}]})",
      R"({"epoch":1,"first":1,"last":1,"events":[{"type":"x"}]})",
      R"({"epoch":1,"first":1,"last":1,"events":[{"sequence":1,"type":"key.revoked"}]})",
      R"({"epoch":1,"first":1,"last":1,"events":[{"sequence":1,"type":"key.revoked","key_id":""}]})",
      R"({"epoch":1,"first":1,"last":1,"events":[{"sequence":1,"type":"key.revoked","key_id":"a","key_id":"b"}]})",
      R"({"epoch":1,"first":1,"last":1,"events":[{"sequence":1,"type":"owner.revoked","scope":"user"}]})",
      "{\"epoch\":1,\"first\":1,\"last\":1,\"x\":\"\xff\",\"events\":[]}",
  };
  for (const auto json : refused) EXPECT_TRUE(is_malformed(json)) << json;
}

// Damaged bytes decode to a valid message or are refused.
TEST(Message, NeverYieldsNonsenseFromDamagedBytes) {
  std::mt19937_64 random(1);
  const std::string valid[] = {encode_messages(sample_batch().view(), stamp).front().text,
                               encode_heartbeat(3, 1042, stamp)};
  const std::string_view pieces[] = {"18446744073709551615",
                                     "9223372036854775806",
                                     "-1",
                                     "0",
                                     "null",
                                     "[",
                                     "}",
                                     "\"",
                                     ",",
                                     "\\u0000",
                                     "\"epoch\":1,",
                                     "\"events\":[]",
                                     "1e9",
                                     "{\"sequence\":1041}"};
  int accepted = 0;
  for (int round = 0; round < 100'000; ++round) {
    auto json = valid[random() % 2];
    for (auto changes = 1 + random() % 3; changes > 0; --changes) {
      if (json.empty()) break;
      const auto place = random() % (json.size() + 1);
      switch (random() % 4) {
        case 0:
          json.insert(place, pieces[random() % std::size(pieces)]);
          break;
        case 1:
          json.erase(place, random() % 8);
          break;
        case 2:
          json[place % json.size()] = static_cast<char>(random());
          break;
        default:
          json.resize(std::max<std::size_t>(place, 1));
          break;
      }
    }
    const auto message = decode_message(json);
    if (message.has_error()) continue;
    ++accepted;
    ASSERT_GE(message->epoch, 1u) << json;
    ASSERT_GE(message->first, 1u) << json;
    ASSERT_LT(message->last, std::uint64_t{1} << 63) << json;
    ASSERT_LE(message->first, message->last + 1) << json;
    Sequence least = message->first;
    for (const auto& event : message->events) {
      ASSERT_GE(event.sequence, least) << json;
      ASSERT_LE(event.sequence, message->last) << json;
      least = event.sequence + 1;
      ASSERT_TRUE(event.type != Type::key_revoked || engine::is_key_id(event.key_id)) << json;
      ASSERT_TRUE(event.type != Type::owner_revoked || engine::is_owner_id(event.owner_id)) << json;
    }
  }
  EXPECT_GT(accepted, 1000);
}

TEST(Page, ComesWithItsMessages) {
  const auto json = R"({"journal":"j1","position":"3-1042","told":"3-1050","more":true,)"
                    R"("at":"2026-01-02T03:04:05.678Z","up":9,"messages":[)" +
                    encode_messages(sample_batch().view(), stamp).front().text + "," +
                    encode_heartbeat(3, 1042, stamp) + "]}";
  const auto page = decode_page(json).value();
  EXPECT_EQ(page.position, (Position{3, 1042}));
  EXPECT_TRUE(page.more);
  EXPECT_EQ(page.journal, "j1");
  EXPECT_EQ(page.published, (Position{3, 1050}));
  EXPECT_EQ(page.at, at);
  EXPECT_EQ(page.up, 9u);
  ASSERT_EQ(page.messages.size(), 2u);
  EXPECT_EQ(page.messages[0].events.size(), 2u);
  EXPECT_TRUE(page.messages[1].is_heartbeat());
}

TEST(Page, OfAGoneRangeSaysWhereTheEngineIs) {
  const auto page = decode_gone(R"({"type":"x","code":"position_gone","position":"4-7","journal":"j2",)"
                                R"("at":"2026-01-02T03:04:05.678Z","up":9})");
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->position, (Position{4, 7}));
  EXPECT_EQ(page->published, (Position{4, 7}));
  EXPECT_EQ(page->journal, "j2");
  EXPECT_EQ(page->up, 9u);
  EXPECT_TRUE(decode_gone(R"({"code":"position_gone"})").has_error());
  EXPECT_TRUE(decode_gone(R"({"position":"0-7"})").has_error());
}

TEST(Page, IsRefusedWithOneBrokenMessage) {
  EXPECT_TRUE(decode_page(R"({"position":"3-1","more":false,"messages":[{"epoch":3}]})").has_error());
  EXPECT_TRUE(decode_page(R"({"position":"0-1","more":false,"messages":[]})").has_error());
  EXPECT_TRUE(decode_page(R"({"position":"3","more":false,"messages":[]})").has_error());
  EXPECT_TRUE(decode_page(R"({"position":"3-1","messages":[]})").has_error());
  EXPECT_TRUE(decode_page(R"({"position":"3-1","more":false,"more":false,"messages":[]})").has_error());
  EXPECT_TRUE(decode_page(R"({"position":"3-1","more":false})").has_error());
}

TEST(Decision, ReadsAnActiveKey) {
  const auto decision = decode_decision(
      R"({"active":true,"state":"active","key_id":"k","user":"u","application":null,"workspace":"w",)"
      R"("permissions":["a:b","c"],"expires_at":"2026-01-02T03:04:05.678Z","as_of":"3-9","journal":"j1"})");
  ASSERT_TRUE(decision.has_value());
  EXPECT_EQ(decision->state, Decision::State::active);
  EXPECT_EQ(decision->key_id, "k");
  EXPECT_EQ(decision->user, "u");
  EXPECT_EQ(decision->application, "");
  EXPECT_EQ(decision->permissions, "a:b c");
  EXPECT_EQ(decision->expires_at, at);
  EXPECT_EQ(decision->as_of, (Position{3, 9}));
  EXPECT_EQ(decision->journal, "j1");
}

TEST(Decision, NeedsLittleToDeny) {
  const auto decision = decode_decision(R"({"active":false,"state":"unknown"})");
  ASSERT_TRUE(decision.has_value());
  EXPECT_EQ(decision->state, Decision::State::unknown);
}

TEST(Decision, IsRefusedWhenItIsNotClear) {
  const std::string_view refused[] = {
      R"({"active":true,"state":"revoked","key_id":"k","as_of":"3-9"})",
      R"({"active":false,"state":"active","key_id":"k","as_of":"3-9"})",
      R"({"active":true,"state":"wonderful","key_id":"k","as_of":"3-9"})",
      R"({"active":true,"state":"active","as_of":"3-9"})",
      R"({"active":true,"state":"active","key_id":"k"})",
      R"({"active":true,"active":true,"state":"active","key_id":"k","as_of":"3-9"})",
      R"({"active":null,"state":"active","key_id":"k","as_of":"3-9"})",
      R"({"state":"active","key_id":"k","as_of":"3-9"})",
      R"({"active":true,"state":"active","key_id":"k\r\nX-Admin: 1","as_of":"3-9"})",
      R"({"active":true,"state":"active","key_id":"k","permissions":["a b"],"as_of":"3-9"})",
      R"({"active":true,"state":"active","key_id":"k","permissions":["a\r\n"],"as_of":"3-9"})",
      R"({"active":true,"state":"active","key_id":"k","expires_at":"soon","as_of":"3-9"})",
      R"({"active":true,"state":"active","key_id":"k","as_of":"3-9"} trailing)",
  };
  for (const auto json : refused) EXPECT_TRUE(decode_decision(json).has_error()) << json;
}

}  // namespace revoked::cache::message_test
