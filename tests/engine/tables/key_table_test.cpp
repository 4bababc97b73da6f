#include "engine/tables/key_table.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace revoked::engine::key_table_test {

std::string id_of(int i) {
  // All kinds of ids: inline, long, UUID.
  if (i % 3 == 0) return "k" + std::to_string(i);
  if (i % 3 == 1) return "a-rather-long-key-id-" + std::to_string(i);
  std::string uuid = "00000000-0000-7000-8000-000000000000";
  for (std::size_t at = uuid.size(); i > 0; i /= 10) uuid[--at] = static_cast<char>('0' + i % 10);
  return uuid;
}

Digest digest_of(int i) { return sha256(std::to_string(i)); }

Slot add(KeyTable& table, int i) {
  return table.insert(id_of(i), digest_of(i), [&](KeyRecord& record) {
    record.created = static_cast<Sequence>(i) + 1;
    record.owners = {static_cast<Slot>(i), no_slot, no_slot};
    record.set_expiry(i);
  });
}

TEST(KeyTable, FindsEveryKeyByIdAndByDigest) {
  KeyTable table;
  constexpr int count = 100'000;
  for (int i = 0; i < count; ++i) ASSERT_EQ(add(table, i), static_cast<Slot>(i));
  EXPECT_EQ(table.size(), static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    const Slot slot = table.find_by_id(id_of(i));
    ASSERT_EQ(slot, static_cast<Slot>(i));
    ASSERT_EQ(table.find_by_digest(digest_of(i)), slot);
    std::string id;
    table.append_id(slot, id);
    ASSERT_EQ(id, id_of(i));
    ASSERT_EQ(table[slot].created, static_cast<Sequence>(i) + 1);
    ASSERT_EQ(table[slot].expires_at(), i);
  }
  for (int i = count; i < 2 * count; ++i) {
    ASSERT_EQ(table.find_by_id(id_of(i)), no_slot);
    ASSERT_EQ(table.find_by_digest(digest_of(i)), no_slot);
  }
}

TEST(KeyTable, TellsApartDigestsThatBeginAlike) {
  KeyTable table;
  for (int i = 0; i < 50; ++i) {
    Digest digest{1, 2, 3, 4, 5, 6, 7, 8};
    digest[9] = static_cast<std::uint8_t>(i);
    if (i < 40) table.insert(id_of(i), digest, [](KeyRecord&) {});
    EXPECT_EQ(table.find_by_digest(digest), i < 40 ? static_cast<Slot>(i) : no_slot);
  }
}

TEST(KeyTable, ARevocationReplacesTheExpiry) {
  KeyTable table;
  KeyRecord& record = table[add(table, 7)];
  EXPECT_EQ(record.revoked(), 0u);
  EXPECT_EQ(record.expires_at(), 7);
  record.set_revoked(99);
  EXPECT_EQ(record.revoked(), 99u);
  EXPECT_EQ(record.expires_at(), 0);
}

TEST(KeyTable, IsReadWhileItGrows) {
  KeyTable table;
  constexpr int count = 60'000;
  std::atomic<int> inserted{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t) {
    readers.emplace_back([&, t] {
      unsigned at = static_cast<unsigned>(t);
      for (int seen = 0; seen < count; seen = inserted.load(std::memory_order_acquire)) {
        if (seen == 0) continue;
        at = at * 1664525 + 1013904223;
        const int i = static_cast<int>((at >> 8) % static_cast<unsigned>(seen));
        const Slot slot = table.find_by_digest(digest_of(i));
        ASSERT_EQ(slot, static_cast<Slot>(i));
        ASSERT_EQ(table.find_by_id(id_of(i)), slot);
        ASSERT_EQ(table[slot].owners[0], static_cast<Slot>(i));
        // Not published yet: it may be found or not, but never partially.
        const Slot next = table.find_by_digest(digest_of(seen));
        ASSERT_TRUE(next == no_slot || table[next].created == static_cast<Sequence>(seen) + 1);
      }
    });
  }
  for (int i = 0; i < count; ++i) {
    add(table, i);
    inserted.store(i + 1, std::memory_order_release);
  }
  for (auto& reader : readers) reader.join();
}

}  // namespace revoked::engine::key_table_test
