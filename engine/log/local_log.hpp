#pragma once
// The journal's batches in the files of one directory: segments, numbered from 1 and kept for good, of blocks
// (block.hpp) that are chained to one another; and `end`, which says how far they had been confirmed
// (log_end.hpp). What cannot be trusted is refused, with the file and the place: bytes that changed, a
// segment that is missing, cut, swapped or an older copy of itself. Accepted is one torn block at the very
// end, which was never confirmed. A start looks at how the segments join and at the last one; the others are
// checked as they are read. A segment that is closed may be packed (packed_blocks.hpp), which says the same
// in a fifth of the room.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/log/backup.hpp"
#include "engine/log/block.hpp"
#include "engine/log/log.hpp"
#include "engine/log/log_end.hpp"
#include "engine/log/sealer.hpp"
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

  // Opens the log in `directory`, which is made if it is not there. errc::storage_in_use if another process
  // has it, storage_corrupt if it cannot be trusted; the text of a failure goes to `detail`.
  static result<std::unique_ptr<LocalLog>> open(const std::string& directory, std::string& detail,
                                                std::uint64_t segment_bytes = usual_segment_bytes);

  result<void> append(const BatchView& batch) override;
  Sequence last() const override;
  result<void> read(Sequence from, const Visitor& visit) const override;
  std::string failure() const override;
  const std::string& directory() const { return directory_; }
  // Of everything that has been confirmed by now. From any thread. The system's reason is in failure().
  result<std::unique_ptr<Backup>> back_up() const;

  // Has what is closed packed, from the first append on: a start that is refused changes nothing. Once,
  // before that append.
  void seal_in_background(Sealer::Tell tell);
  // The first closed segment behind that one (0: of all) which is not packed; on any thread.
  std::optional<std::size_t> closed_behind(std::size_t number) const;
  // Whether packing has to wait: commits do, for a disk that writes something else, and there was one just
  // now. Not once much has gathered. On any thread.
  bool comes_before_packing() const;
  static constexpr std::chrono::milliseconds just_now{200};
  static constexpr std::size_t most_unpacked = 16;  // closed segments
  // Packs it, on one thread at a time, any one: its file is replaced by another one with the same in it.
  // Errors cost nothing but that, and `detail` says why: storage_corrupt if it is damaged, overloaded if
  // there is no room, else the disk's.
  result<Packing> seal(std::size_t number, const std::function<bool()>& go_on, std::string& detail);

 private:
  struct Segment {
    Sequence first;
    std::uint64_t end;  // of its blocks; of the last segment, so far
    bool is_sealed = false;
  };
  // What begins a segment.
  struct Opening {
    std::uint32_t version;
    std::uint32_t reserved;
    std::uint64_t number;     // of the segment
    std::uint64_t closes_at;  // where the one before is closed; 0 for the first
  };
  // Up to where all has been confirmed, in a segment that is not closed.
  struct Confirmed {
    std::size_t segment = 0;
    std::uint64_t position = 0;
    BlockPlace next;
  };
  class Starter;

  LocalLog(std::string directory, std::uint64_t segment_bytes)
      : directory_(std::move(directory)), segment_bytes_(segment_bytes) {}
  result<void> append_batch(const BatchView& batch);
  result<void> begin_segment(std::uint64_t closes_at);
  result<void> next_segment();
  result<Packing> take_place(const std::string& draft, std::size_t number, std::uint64_t end);
  result<void> append_block(SegmentFile& file, BlockHead& head, std::string_view payload);
  static result<void> sync_directory(const std::string& path);
  std::string path_of(std::size_t number) const;
  errc fail(errc code, std::string what) const;
  errc fail(std::string_view file, boost::system::error_code why) const;
  errc fail_at(std::size_t segment, std::uint64_t at, std::string_view what) const;

  static constexpr std::uint32_t format_version = 1;
  static constexpr std::string_view segment_suffix = ".segment";
  static constexpr std::string_view draft_suffix = ".sealing";  // of what is going to take a segment's place

  const std::string directory_;
  const std::uint64_t segment_bytes_;
  std::unique_ptr<LogEnd> end_;
  std::unique_ptr<SegmentFile> current_;
  BlockPlace next_;
  bool holds_batches_ = false;  // the current segment

  std::atomic<std::chrono::steady_clock::rep> appended_at_{0};

  mutable std::mutex mutex_;
  std::vector<Segment> segments_;  // number 1 first
  Confirmed confirmed_;
  Sequence last_ = 0;
  mutable std::string failure_;
  bool has_failed_ = false;  // an append

  std::unique_ptr<Sealer> sealer_;  // ends first
  bool may_seal_ = true;            // there may be something closed that is not packed
};

}  // namespace revoked::engine
