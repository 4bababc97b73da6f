#pragma once
// A log in its own directory, and what was written to it.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "engine/log/local_log.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::local_log_test {

namespace fs = std::filesystem;
using revoked::test::TemporaryDirectory;

inline Batch batch_of(Sequence first, int count, std::size_t bytes) {
  Batch batch;
  batch.begin(1, first);
  const std::string reason(bytes, static_cast<char>('a' + first % 26));
  for (int i = 0; i < count; ++i) {
    EventView event;
    event.type = EventType::key_revoked;
    event[Field::reason] = reason;
    batch.append(event);
  }
  return batch;
}

inline std::string read_all(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void write_all(const fs::path& file, std::string_view bytes) {
  std::ofstream(file, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

class LocalLogFixture : public testing::Test {
 protected:
  static constexpr std::uint64_t segment_bytes = 64 << 10;
  using Batches = std::vector<std::string>;

  // Opens the log and reads it to `seen_`. False: it refused, with the reason in `detail_`.
  bool open() {
    seen_.clear();
    detail_.clear();
    log_.reset();
    auto log = LocalLog::open(path_.native(), detail_, segment_bytes, synced_);
    if (log) {
      log_ = std::move(*log);
      next_ = log_->last() + 1;
      const auto read = log_->read(1, [&](const BatchView& batch) {
        seen_.emplace_back(batch.bytes());
        return true;
      });
      if (read) return true;
      EXPECT_EQ(read.error(), errc::storage_corrupt);
      detail_ = log_->failure();
      log_.reset();
    }
    EXPECT_NE(detail_.find(path_.native()), std::string::npos) << detail_;
    return false;
  }
  void append(int count = 1, std::size_t bytes = 100) {
    auto batch = batch_of(next_, count, bytes);
    ASSERT_TRUE(log_->append(batch.view()));
    written_.emplace_back(batch.view().bytes());
    next_ = batch.view().last() + 1;
  }
  Batches read(Sequence from = 1) {
    Batches batches;
    EXPECT_TRUE(log_->read(from, [&](const BatchView& batch) {
      batches.emplace_back(batch.bytes());
      return true;
    }));
    return batches;
  }
  fs::path segment(int number) const {
    auto name = std::to_string(number);
    return path_ / (std::string(8 - name.size(), '0') + name + ".segment");
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    for (const auto& at : fs::directory_iterator(path_)) found.push_back(at.path());
    std::sort(found.begin(), found.end());
    return found;
  }
  // Closes the log and copies its files.
  fs::path save(const std::string& name) {
    log_.reset();
    auto copy = directory_.path() / name;
    fs::copy(path_, copy, fs::copy_options::recursive);
    return copy;
  }
  void restore(const fs::path& copy) {
    log_.reset();
    fs::remove_all(path_);
    fs::copy(copy, path_, fs::copy_options::recursive);
  }
  // Three segments and a few blocks in the last.
  void fill() {
    ASSERT_TRUE(open());
    for (int i = 0; i < 60; ++i) append(1 + i % 5, 50 + 37 * static_cast<std::size_t>(i));
    log_.reset();
    ASSERT_GE(files().size(), 4u);
  }
  // Everything can be read, or the log is refused.
  void expect_whole_or_refused(const std::string& what) {
    if (open()) {
      EXPECT_EQ(seen_, written_) << what;
    }
  }

  Synced synced_ = Synced::each_append;
  TemporaryDirectory directory_;
  fs::path path_ = directory_.path() / "log";
  std::unique_ptr<LocalLog> log_;
  Batches seen_, written_;
  std::string detail_;
  Sequence next_ = 1;
};

}  // namespace revoked::engine::local_log_test
