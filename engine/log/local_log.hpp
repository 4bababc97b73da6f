#pragma once
// The journal's batches in the files of one directory: segments, numbered from 1 and never deleted, of
// chained blocks (block.hpp); and `end`, which records how far they were confirmed (log_end.hpp). Damage is
// refused with the file and the position: bytes that changed, or a segment that is missing, truncated,
// swapped or an older copy of itself. One torn block at the very end is accepted, as it was never confirmed.
// A start checks how the segments join, and the last one; the others are checked when read. A closed segment
// may be packed (packed_blocks.hpp): the same content in a fifth of the space.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/base/mutex.hpp"
#include "engine/log/background_packer.hpp"
#include "engine/log/backup.hpp"
#include "engine/log/block.hpp"
#include "engine/log/log.hpp"
#include "engine/log/log_end.hpp"
#include "engine/log/segment_file.hpp"
#include "engine/log/segment_packer.hpp"
#include "engine/log/segment_scan.hpp"
#include "engine/model/event.hpp"

namespace revoked::engine {

// "00000001.segment"
std::string name_of_segment(std::size_t number);

class LocalLog final : public Log {
 public:
  static constexpr std::uint64_t usual_segment_bytes = 64 << 20;

  // Opens the log in `directory`, which is created if missing. errc::storage_in_use if another process has
  // locked it, storage_corrupt if it is damaged, storage_of_other_format if another version wrote it;
  // `detail` gets the text of a failure.
  static result<std::unique_ptr<LocalLog>> open(const std::string& directory, std::string& detail,
                                                std::uint64_t segment_bytes = usual_segment_bytes,
                                                Synced synced = Synced::each_append);

  result<void> append(const BatchView& batch) override;
  Sequence last() const override;
  result<void> read(Sequence from, const Visitor& visit) const override;
  std::string failure() const override;
  const std::string& directory() const { return directory_; }
  // A copy of everything confirmed so far. From any thread. failure() has the system's reason.
  result<std::unique_ptr<Backup>> back_up() const;

  // Packs closed segments in the background, from the first append on: a start that is refused changes
  // nothing. Call once, before that append.
  void pack_in_background(BackgroundPacker::Report report);
  // The first closed segment after `number` (0: of all) that is not packed. From any thread.
  std::optional<std::size_t> next_unpacked(std::size_t number) const;
  // Whether packing must wait: there was a commit just now, and commits would wait for the disk. False once
  // more than `most_unpacked` segments, the open one included, are not packed. From any thread.
  bool must_packing_wait(std::chrono::steady_clock::time_point now = std::chrono::steady_clock::now()) const;
  static constexpr std::chrono::milliseconds just_now{200};
  static constexpr std::size_t most_unpacked = 16;
  // Packs a segment, on any thread, one at a time: replaces its file by a smaller one with the same content.
  // On an error the segment stays as it is, and `detail` has the reason: storage_corrupt if it is damaged,
  // overloaded if there is not enough disk space, otherwise the disk's error.
  result<Packing> pack(std::size_t number, const std::function<bool()>& go_on, std::string& detail);

 private:
  struct Segment {
    Sequence first;
    std::uint64_t end;  // end of its blocks; of the last segment, so far
    bool is_packed = false;
  };
  // The payload of the block that opens a segment.
  struct Opening {
    std::uint32_t version;
    std::uint32_t reserved;
    std::uint64_t number;     // of the segment
    std::uint64_t closes_at;  // offset of the previous segment's closing block; 0 for the first
  };
  // How far everything is confirmed, in a segment that is not closed.
  struct Confirmed {
    std::size_t segment = 0;
    std::uint64_t position = 0;
    BlockPlace next;
  };
  class Starter;

  LocalLog(std::string directory, std::uint64_t segment_bytes, Synced synced)
      : directory_(std::move(directory)), segment_bytes_(segment_bytes), synced_(synced) {}
  result<void> append_batch(const BatchView& batch);
  result<void> begin_segment(std::uint64_t closes_at);
  result<void> next_segment();
  result<Packing> replace_segment(const std::string& draft, std::size_t number, std::uint64_t end);
  result<void> append_block(SegmentFile& file, BlockHead& head, std::string_view payload);
  static result<void> sync_directory(const std::string& path);
  std::string path_of(std::size_t number) const;
  errc fail(errc code, std::string what) const;
  errc fail(std::string_view file, boost::system::error_code why) const;
  errc fail_at(std::size_t segment, std::uint64_t at, std::string_view what) const;

  static constexpr std::uint32_t format_version = 1;
  static constexpr std::string_view segment_suffix = ".segment";
  static constexpr std::string_view draft_suffix = ".packing";  // of a draft that will replace a segment

  const std::string directory_;
  const std::uint64_t segment_bytes_;
  const Synced synced_;
  std::unique_ptr<LogEnd> end_;
  std::unique_ptr<SegmentFile> current_;
  BlockPlace next_;
  std::size_t number_ = 0;      // of the current segment
  bool holds_batches_ = false;  // whether the current segment does

  std::atomic<std::chrono::steady_clock::rep> appended_at_{0};

  mutable Mutex<2> mutex_;
  std::vector<Segment> segments_ REVOKED_GUARDED_BY(mutex_);  // number 1 first
  Confirmed confirmed_ REVOKED_GUARDED_BY(mutex_);
  Sequence last_ REVOKED_GUARDED_BY(mutex_) = 0;
  mutable std::string failure_ REVOKED_GUARDED_BY(mutex_);
  bool has_failed_ REVOKED_GUARDED_BY(mutex_) = false;  // whether the last append failed

  std::unique_ptr<BackgroundPacker> packer_;  // destroyed first
  bool may_pack_ = true;                      // a closed segment may not be packed yet
};

}  // namespace revoked::engine
