// Damage to packed segments is never taken for a shorter log.

#include <random>
#include <regex>

#include "engine/log/packed_blocks.hpp"
#include "tests/engine/log/packing_fixture.hpp"
#include "tests/support/eventually.hpp"

namespace revoked::engine::local_log_test {

class PackingDamage : public PackingFixture {
 protected:
  // Bytes [first, last] of a packed file were changed. Either everything can be read, or the refusal names
  // the file and a byte from the block that contains `first`.
  void expect_whole_or_named(const fs::path& file, const std::vector<std::uint64_t>& blocks,
                             std::uint64_t first, std::uint64_t last) {
    SCOPED_TRACE(file.filename().native() + " bytes " + std::to_string(first) + " to " +
                 std::to_string(last));
    if (open()) {
      EXPECT_TRUE(seen_ == written_);
      return;
    }
    ++refused_;
    std::smatch found;
    EXPECT_NE(detail_.find(file.native()), std::string::npos) << detail_;
    ASSERT_TRUE(std::regex_search(detail_, found, std::regex("byte ([0-9]+)"))) << detail_;
    const auto at = std::stoull(found[1]);
    EXPECT_GE(at, *std::prev(std::ranges::upper_bound(blocks, first))) << detail_;
    EXPECT_LE(at, last) << detail_;
  }

  int refused_ = 0;
};

TEST_F(PackingDamage, AFlippedBitIsNeverIgnored) {
  constexpr int per_place = revoked::test::sanitized ? 2 : 8;
  fill_and_pack();
  std::mt19937 random(13);
  for (int number = 1; number < segments(); ++number) {
    const auto file = segment(number);
    const auto whole = read_all(file);
    const auto blocks = beginnings(whole);
    const auto flip = [&](std::uint64_t at) {
      auto bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ 1 << random() % 8);
      write_all(file, bytes);
      expect_whole_or_named(file, blocks, at, at + 1);
    };
    for (int i = 0; i < 12 * per_place; ++i) flip(random() % whole.size());
    // In every block: the head, the start and the end of the payload, and the padding.
    for (std::size_t i = 0; i + 1 < blocks.size(); ++i) {
      for (int j = 0; j < per_place; ++j) flip(blocks[i] + random() % 110);
      for (int j = 0; j < per_place; j += 4) flip(blocks[i + 1] - 1 - random() % 300);
    }
    write_all(file, whole);
  }
  EXPECT_GT(refused_, 60 * per_place);
  EXPECT_TRUE(open()) << detail_;
}

TEST_F(PackingDamage, WipedSectorsAreNoticed) {
  fill_and_pack();
  for (int number = 1; number < segments(); ++number) {
    const auto file = segment(number);
    const auto whole = read_all(file);
    const auto blocks = beginnings(whole);
    for (const std::size_t size : {512u, 4096u}) {
      for (std::size_t at = 0; at < whole.size(); at += 512) {
        auto bytes = whole;
        const auto count = std::min(size, bytes.size() - at);
        bytes.replace(at, count, count, '\0');
        write_all(file, bytes);
        expect_whole_or_named(file, blocks, at, at + count);
        EXPECT_FALSE(log_);
      }
    }
    write_all(file, whole);
  }
  EXPECT_GT(refused_, 100);
}

TEST_F(PackingDamage, ACutFileIsNoticed) {
  fill_and_pack();
  for (int number = 1; number < segments(); ++number) {
    const auto file = segment(number);
    const auto whole = read_all(file);
    const auto blocks = beginnings(whole);
    for (std::size_t size = 0; size < whole.size(); size += 128) {
      write_all(file, std::string_view(whole).substr(0, size));
      expect_whole_or_named(file, blocks, size, whole.size());
      EXPECT_FALSE(log_);
    }
    write_all(file, whole);
  }
}

TEST_F(PackingDamage, RemovedSwappedAndOldFilesAreNoticed) {
  ASSERT_TRUE(open());
  for (int i = 0; i < 40; ++i) append(3, 700);
  const auto older = save("older");
  fill_and_pack();
  const auto all = save("all");
  const auto count = segments();
  for (int number = 1; number < count; ++number) {
    fs::remove(segment(number));
    EXPECT_FALSE(open());
    EXPECT_NE(detail_.find(segment(number).native()), std::string::npos) << detail_;
    restore(all);
    if (const auto old = older / segment(number).filename(); fs::exists(old)) {
      fs::copy_file(old, segment(number), fs::copy_options::overwrite_existing);
      expect_whole_or_refused("an older copy");
      restore(all);
    }
    for (int other = number + 1; other <= count; ++other) {
      fs::copy_file(all / segment(other).filename(), segment(number), fs::copy_options::overwrite_existing);
      fs::copy_file(all / segment(number).filename(), segment(other), fs::copy_options::overwrite_existing);
      EXPECT_FALSE(open());
      restore(all);
    }
  }
  // Everything after a packed segment.
  for (int number = 3; number <= count; ++number) fs::remove(segment(number));
  EXPECT_FALSE(open());
  EXPECT_NE(detail_.find(segment(3).native() + " is missing"), std::string::npos) << detail_;
}

// After a power loss the mark is older: the segment itself shows that it was closed.
TEST_F(PackingDamage, OneWithoutItsEndIsNotTakenForTheOpenOne) {
  fill_and_pack();
  const auto last = segments();
  auto opening = read_all(segment(last));
  std::fill(opening.begin() + 512, opening.end(), '\0');
  write_all(segment(last), opening);
  fs::remove(path_ / "end");
  const auto whole = read_all(segment(last - 1));
  const auto blocks = beginnings(whole);
  for (const auto size : blocks) {
    if (size == 0 || size == whole.size()) continue;
    // Even if it has the size of an open one.
    for (const auto room : {size, std::uint64_t{1} << 20}) {
      auto bytes = whole.substr(0, size);
      bytes.resize(room);
      write_all(segment(last - 1), bytes);
      EXPECT_FALSE(open()) << size;
      EXPECT_NE(detail_.find(segment(last - 1).native()), std::string::npos) << detail_;
    }
  }
}

// Both sums are forged: the content differs from what the chain says.
TEST_F(PackingDamage, AnotherEventThatIsPackedWithARightSumIsRefused) {
  fill_and_pack();
  const auto file = segment(2);
  auto bytes = read_all(file);
  const auto at = beginnings(bytes)[1];
  BlockHead head;
  ASSERT_TRUE(read_block_head(std::string_view(bytes).substr(at), head));
  ASSERT_EQ(head.kind, BlockKind::packed);
  const auto payload = bytes.substr(at + block_head_bytes, head.payload_bytes);
  UnpackedBlocks was;
  ASSERT_TRUE(was.unpack(head, payload));
  BlockPacker packer;
  std::string last;
  while (!was.empty()) {
    BlockHead each;
    std::string events(was.next(each));
    if (packer.empty()) events.back() ^= 1;
    packer.add(each, events);  // with its original sum
  }
  std::string forged;
  ASSERT_TRUE(packer.flush(forged));
  ASSERT_EQ(forged.size(), block_size(head.payload_bytes));
  bytes.replace(at, forged.size(), forged);
  write_all(file, bytes);
  EXPECT_FALSE(open());
  EXPECT_NE(detail_.find(file.native() + " has been damaged at byte " + std::to_string(at)),
            std::string::npos)
      << detail_;
}

}  // namespace revoked::engine::local_log_test
