#pragma once
// A log with closed segments, for packing them.

#include <random>

#include "tests/engine/log/local_log_fixture.hpp"

namespace revoked::engine::local_log_test {

class PackingFixture : public LocalLogFixture {
 protected:
  static bool go_on() { return true; }

  // Packs the closed segments one by one. Returns how many.
  int pack_all() {
    int count = 0;
    std::size_t done = 0;
    while (const auto number = log_->next_unpacked(done)) {
      std::string why;
      const auto packed = log_->pack(*number, go_on, why);
      EXPECT_TRUE(packed && *packed == Packing::done) << why;
      ++count;
      done = *number;
    }
    return count;
  }
  // Several segments with single events, and with batches of all sizes.
  void fill_many() {
    ASSERT_TRUE(open());
    std::mt19937 random(11);
    for (int i = 0; i < 700; ++i) {
      const bool is_large = i % 50 == 7;
      append(is_large ? 200 : 1 + static_cast<int>(random() % 3), random() % 300);
    }
    ASSERT_GE(segments(), 6);
  }
  // All closed segments are packed; the log is not open.
  void fill_and_pack() {
    fill_many();
    ASSERT_EQ(pack_all(), segments() - 1);
    log_.reset();
  }
  int segments() const {
    return static_cast<int>(
        std::ranges::count_if(files(), [](const fs::path& file) { return file.extension() == ".segment"; }));
  }
  bool has_drafts() const {
    return std::ranges::any_of(files(), [](const fs::path& file) { return file.extension() == ".packing"; });
  }
  // The batches with events from there on.
  Batches written_from(Sequence from) const {
    Batches batches;
    for (const auto& bytes : written_) {
      BatchView batch;
      EXPECT_TRUE(BatchView::parse(bytes, batch));
      if (batch.last() >= from) batches.push_back(bytes);
    }
    return batches;
  }
  // The offsets of blocks, and the end.
  static std::vector<std::uint64_t> beginnings(std::string_view bytes) {
    std::vector<std::uint64_t> found;
    for (std::uint64_t at = 0; at < bytes.size();) {
      BlockHead head;
      if (!read_block_head(bytes.substr(at), head)) break;
      found.push_back(at);
      at += block_size(head.payload_bytes);
    }
    found.push_back(bytes.size());
    return found;
  }
};

}  // namespace revoked::engine::local_log_test
