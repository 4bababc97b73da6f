#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <functional>

#include "tests/cache/edge/near_cache_samples.hpp"
#include "tests/support/eventually.hpp"

namespace revoked::cache::near_cache_bounds_test {

using test::decision_of;
using test::digest_of;
using test::key_revoked;
using test::owner_revoked;
using test::uuid_of;
using State = Decision::State;

TEST(NearCacheBounds, HoldNoMoreEntriesThanAllowedAndFindTheRest) {
  NearCache cache({.max_entries = 100, .max_marks = 100});
  cache.flush({1, 0});
  for (std::uint64_t i = 0; i < 5000; ++i) {
    cache.fill(digest_of(i), decision_of("k" + std::to_string(i), {1, 1}));
    cache.find(digest_of(0), 0);
  }
  EXPECT_EQ(cache.size().entries, 100u);
  EXPECT_TRUE(cache.find(digest_of(0), 0)) << "used entries stay";
  std::size_t found = 0;
  for (std::uint64_t i = 0; i < 5000; ++i) found += cache.find(digest_of(i), 0).has_value();
  EXPECT_EQ(found, 100u);
  for (std::uint64_t i = 0; i < 5000; ++i) cache.apply(key_revoked("k" + std::to_string(i), {1, 2 + i}));
  for (std::uint64_t i = 0; i < 5000; ++i) {
    const auto decision = cache.find(digest_of(i), 0);
    EXPECT_TRUE(!decision || decision->state == State::revoked);
  }
}

TEST(NearCacheBounds, ForgottenMarksBecomeTheFloor) {
  NearCache cache({.max_entries = 100, .max_marks = 8});
  cache.flush({1, 0});
  auto decision = decision_of("kept", {1, 5});
  decision.user = "someone";
  cache.fill(digest_of(1), decision);
  for (Sequence s = 10; s < 100; ++s) {
    cache.apply(owner_revoked(Scope::user, "u" + std::to_string(s), {1, s}));
    cache.apply(key_revoked("k" + std::to_string(s), {1, s}));
  }
  EXPECT_LE(cache.size().marks, 8u);
  EXPECT_FALSE(cache.find(digest_of(1), 0)) << "older than a dropped mark";
  EXPECT_FALSE(cache.fill(digest_of(2), decision_of("k10", {1, 9})));
  EXPECT_FALSE(cache.fill(digest_of(1), decision));
  decision.as_of = {1, 99};
  EXPECT_TRUE(cache.fill(digest_of(1), decision));
}

TEST(NearCacheBounds, RevokedKeysByTheThousandsDoNotDriveOutTheLiving) {
  NearCache cache({.max_entries = 100, .max_marks = 8});
  cache.flush({1, 0});
  cache.fill(digest_of(1), decision_of("alive", {1, 1}));
  for (Sequence s = 2; s < 1000; ++s) cache.apply(key_revoked("k" + std::to_string(s), {1, s}));
  EXPECT_TRUE(cache.find(digest_of(1), 0));
}

TEST(NearCacheBounds, TheLongDecisionThatCameFirstGoesFirst) {
  NearCache cache({.max_entries = 1000, .max_marks = 10, .max_long_bytes = 100'000});
  cache.flush({1, 0});
  const auto long_decision = [](std::uint64_t i) {
    auto decision = decision_of(uuid_of(i), {1, 1});
    decision.workspace = std::string(120, 'w');
    return decision;
  };
  for (std::uint64_t i = 0; i < 500; ++i) {
    ASSERT_TRUE(cache.fill(digest_of(i), long_decision(i)));
    ASSERT_TRUE(cache.find(digest_of(i), 0));
    ASSERT_TRUE(cache.fill(digest_of(i), long_decision(i))) << "again";
  }
  EXPECT_LE(cache.size().long_bytes, 100'000u);
  EXPECT_GE(cache.size().entries, 100u);
  EXPECT_FALSE(cache.find(digest_of(0), 0));
  cache.apply(key_revoked(uuid_of(499), {1, 2}));
  EXPECT_EQ(cache.find(digest_of(499), 0)->state, State::revoked);
  for (std::uint64_t i = 500; i < 1500; ++i)
    ASSERT_TRUE(cache.fill(digest_of(i), decision_of(uuid_of(i), {1, 1})));
  EXPECT_EQ(cache.size().entries, 1000u);
  auto huge = decision_of("k", {1, 1});
  huge.permissions = std::string(200'000, 'p');
  EXPECT_FALSE(cache.fill(digest_of(9999), huge)) << "exceeds the bound alone";
}

// Resident memory of this process.
std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// Resident bytes per entry of a cache after `fills` fills.
std::size_t bytes_an_entry(std::size_t entries, std::uint64_t fills, std::size_t max_long_bytes,
                           const std::function<void(std::uint64_t, Decision&)>& change) {
  const auto before = resident_bytes();
  NearCache cache({.max_entries = entries, .max_marks = 1000, .max_long_bytes = max_long_bytes});
  cache.flush({1, 0});
  for (std::uint64_t i = 0; i < fills; ++i) {
    auto decision = decision_of(uuid_of(i), {1, 1});
    change(i, decision);
    EXPECT_TRUE(cache.fill(digest_of(i), std::move(decision)));
    EXPECT_LE(cache.size().long_bytes, max_long_bytes);
  }
  EXPECT_TRUE(cache.find(digest_of(fills - 1), 0));
  return (resident_bytes() - before) / entries;
}

TEST(NearCacheBounds, LongIdsAndPermissionsCountInBytes) {
  if (test::sanitized) GTEST_SKIP() << "a sanitized program's memory says nothing";
  constexpr std::size_t entries = 100'000;
  const auto short_ids = bytes_an_entry(entries, 2 * entries, 10 << 20, [](std::uint64_t, Decision&) {});
  const auto long_ids =
      bytes_an_entry(entries, 2 * entries, 10 << 20, [](std::uint64_t i, Decision& decision) {
        decision.user = std::string(120, 'u') + std::to_string(i);
        decision.workspace = std::string(120, 'w');
      });
  const auto many_permissions =
      bytes_an_entry(entries, 2 * entries, 10 << 20, [](std::uint64_t i, Decision& decision) {
        decision.permissions = std::string(4000, 'p') + std::to_string(i);
      });
  RecordProperty("bytes_an_entry", static_cast<int>(short_ids));
  std::printf("bytes an entry: %zu, with long ids %zu, with long permissions %zu\n", short_ids, long_ids,
              many_permissions);
  EXPECT_LE(short_ids, 200u);
  EXPECT_LE(long_ids, 200u + (10 << 20) / entries * 3 / 2);
  EXPECT_LE(many_permissions, 200u + (10 << 20) / entries * 3 / 2);
}

TEST(NearCacheBounds, AnEntryWithThreeOwnersTakesAtMost200Bytes) {
  if (test::sanitized) GTEST_SKIP() << "a sanitized program's memory says nothing";
  constexpr std::uint64_t entries = 200'000;
  const auto before = resident_bytes();
  NearCache cache({.max_entries = entries, .max_marks = 1000});
  cache.flush({1, 0});
  for (std::uint64_t i = 0; i < entries; ++i) {
    auto decision = decision_of(uuid_of(4 * i), {1, 1});
    decision.user = uuid_of(4 * i + 1);
    decision.application = uuid_of(4 * i + 2);
    decision.workspace = uuid_of(4 * i + 3);
    decision.permissions = "documents:read documents:write";
    ASSERT_TRUE(cache.fill(digest_of(i), std::move(decision)));
  }
  EXPECT_LE((resident_bytes() - before) / entries, 200u);
  const auto found = cache.find(digest_of(17), 0);
  ASSERT_TRUE(found);
  IdBuffer buffer;
  EXPECT_EQ(found->key_id(buffer), uuid_of(4 * 17));
  EXPECT_EQ(found->owner(Scope::workspace, buffer), uuid_of(4 * 17 + 3));
  EXPECT_EQ(found->permissions(), "documents:read documents:write");
}

}  // namespace revoked::cache::near_cache_bounds_test
