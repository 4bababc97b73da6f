// Pages of the feed.
#include <gtest/gtest.h>

#include "cache/bus/message.hpp"
#include "tests/cache/bus/sample_batch.hpp"

namespace revoked::cache::page_test {

TEST(Page, ComesWithItsMessages) {
  const auto json = R"({"journal":"j1","position":"3-1042","told":"3-1050","more":true,)"
                    R"("at":"2026-01-02T03:04:05.678Z","up":9,"messages":[)" +
                    encode_messages(test::sample_batch().view(), test::message_stamp).front().text + "," +
                    encode_heartbeat(3, 1042, test::message_stamp) + "]}";
  const auto page = decode_page(json).value();
  EXPECT_EQ(page.position, (Position{3, 1042}));
  EXPECT_TRUE(page.more);
  EXPECT_EQ(page.journal, "j1");
  EXPECT_EQ(page.published, (Position{3, 1050}));
  EXPECT_EQ(page.at, test::message_time);
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

}  // namespace revoked::cache::page_test
