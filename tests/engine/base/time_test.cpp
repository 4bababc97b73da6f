#include "engine/base/time.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/rfc3339.hpp"

namespace revoked::engine::time_test {

using revoked::test::rfc3339;

TEST(Time, IsWrittenWithMillisecondsInUtc) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(1'767'323'045'678), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(rfc3339(951'782'400'000), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(rfc3339(253'402'300'799'999), "9999-12-31T23:59:59.999Z");
}

TEST(Time, IsClampedToFourDigitYears) {
  EXPECT_EQ(rfc3339(-1), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(253'402'300'800'000), "9999-12-31T23:59:59.999Z");
}

TEST(Time, ComesBackAsItWasWritten) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 100'000; ++i) {
    const auto at = static_cast<UnixMs>(random() % 253'402'300'800'000);
    ASSERT_EQ(parse_rfc3339(rfc3339(at)), at) << rfc3339(at);
  }
}

TEST(Time, IsReadWithAnyFraction) {
  const auto second = parse_rfc3339("2026-01-02T03:04:05Z");
  ASSERT_TRUE(second);
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05.6Z"), *second + 600);
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05.67Z"), *second + 670);
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05.678Z"), *second + 678);
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05.678999999Z"), *second + 678);
  EXPECT_EQ(parse_rfc3339("2026-01-02t03:04:05.000z"), *second);
  EXPECT_FALSE(parse_rfc3339("2026-01-02T03:04:05.Z"));
  EXPECT_FALSE(parse_rfc3339("2026-01-02T03:04:05.0123456789Z"));
}

TEST(Time, IsReadWithAnyOffset) {
  const auto utc = parse_rfc3339("2026-01-02T03:04:05Z");
  EXPECT_EQ(parse_rfc3339("2026-01-02T05:34:05+02:30"), utc);
  EXPECT_EQ(parse_rfc3339("2026-01-01T22:04:05-05:00"), utc);
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05-00:00"), utc);
  EXPECT_EQ(parse_rfc3339("1969-12-31T23:30:00-01:00"), UnixMs{1'800'000});
  EXPECT_FALSE(parse_rfc3339("1970-01-01T00:30:00+01:00"));
  EXPECT_FALSE(parse_rfc3339("2026-01-02T03:04:05+24:00"));
  EXPECT_FALSE(parse_rfc3339("2026-01-02T03:04:05+02:60"));
  EXPECT_FALSE(parse_rfc3339("2026-01-02T03:04:05+0230"));
}

TEST(Time, KnowsLeapYearsAndLeapSeconds) {
  EXPECT_TRUE(parse_rfc3339("2024-02-29T00:00:00Z"));
  EXPECT_TRUE(parse_rfc3339("2000-02-29T00:00:00Z"));
  EXPECT_FALSE(parse_rfc3339("2026-02-29T00:00:00Z"));
  EXPECT_FALSE(parse_rfc3339("2100-02-29T00:00:00Z"));
  EXPECT_EQ(parse_rfc3339("2016-12-31T23:59:60Z"), parse_rfc3339("2016-12-31T23:59:59Z"));
  EXPECT_FALSE(parse_rfc3339("2016-12-31T23:59:61Z"));
}

TEST(Time, RefusesWhatIsNoTime) {
  for (const char* text : {"",
                           "2026",
                           "2026-01-02",
                           "2026-01-02T03:04Z",
                           "2026-01-02 03:04:05Z",
                           "2026-01-02T03:04:05",
                           "2026-13-02T03:04:05Z",
                           "2026-00-02T03:04:05Z",
                           "2026-01-32T03:04:05Z",
                           "2026-01-00T03:04:05Z",
                           "2026-04-31T03:04:05Z",
                           "2026-01-02T24:04:05Z",
                           "2026-01-02T03:60:05Z",
                           " 2026-01-02T03:04:05Z",
                           "2026-01-02T03:04:05Z ",
                           "2026-01-02T03:04:05ZZ",
                           "+026-01-02T03:04:05Z",
                           "1969-12-31T23:59:59Z",
                           "-2026-01-02T03:04:05Z",
                           "2026-1-02T03:04:05Z",
                           "2026-01-02T3:04:05Z",
                           "0000-01-01T00:00:00Z"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

TEST(Time, ReadsNothingBeyondTheText) {
  const std::string whole = "2026-01-02T03:04:05.678+02:30";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string part(whole.data(), size);  // a copy, so that a sanitizer detects reads past its end
    EXPECT_FALSE(parse_rfc3339(part)) << part;
  }
}

}  // namespace revoked::engine::time_test
