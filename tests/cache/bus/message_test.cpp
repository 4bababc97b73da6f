#include "cache/bus/message.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/cache/bus/sample_batch.hpp"

namespace revoked::cache::message_test {

using test::sample_batch;
using Type = Invalidation::Type;

constexpr auto at = test::message_time;
constexpr const Stamp& stamp = test::message_stamp;

bool is_malformed(std::string_view json) { return decode_message(json).has_error(); }

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

TEST(Message, ComesBackAsItWent) {
  const auto message = decode_message(encode_messages(sample_batch().view(), stamp).front().text).value();
  EXPECT_EQ(message.epoch, 3u);
  EXPECT_EQ(message.first, 1040u);
  EXPECT_EQ(message.last, 1042u);
  EXPECT_EQ(message.at, at);
  EXPECT_EQ(message.journal, stamp.journal);
  EXPECT_EQ(message.up, 77u);
  EXPECT_EQ(message.clock, stamp.clock);
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

}  // namespace revoked::cache::message_test
