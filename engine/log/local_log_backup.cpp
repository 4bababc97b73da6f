// Backup of a log: see backup.hpp and local_log.hpp.

#include <algorithm>
#include <filesystem>
#include <utility>

#include "engine/base/tar.hpp"
#include "engine/log/local_log.hpp"
#include "engine/log/packed_blocks.hpp"
#include "engine/log/segment_reader.hpp"

namespace revoked::engine {
namespace {

constexpr std::uint64_t filled_up(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

// Where a backup ends: in a segment that was open.
struct BackupEnd {
  std::size_t segment;
  std::uint64_t position;
  BlockPlace next;
};

class LocalBackup final : public Backup {
 public:
  LocalBackup(std::string directory, const BackupEnd& end)
      : directory_(std::move(directory)), end_(end), began_at_(now_unix_ms()) {
    const auto mark = LogEnd::content_of({end.next.number - 1, end.next.before});
    begin_file("end", mark.size());
    text_ += mark;
    given_ = text_;
    left_ = 0;
  }

  // Opens the last segment before it is closed: afterwards a packed file may replace it.
  result<void> open_last() { return last_.open(path_of(end_.segment)); }

  Sequence last() const override { return end_.next.first - 1; }
  std::string failure() const override { return failure_; }

  result<void> next(std::string& piece) override {
    piece.clear();
    while (piece.size() < piece_bytes) {
      const auto room = piece_bytes - piece.size();
      if (!given_.empty()) {
        const auto taken = given_.substr(0, room);
        piece.append(taken);
        given_.remove_prefix(taken.size());
      } else if (zeros_ != 0) {
        const auto taken = std::min<std::uint64_t>(zeros_, room);
        piece.append(taken, '\0');
        zeros_ -= taken;
      } else {
        if (is_ended_) break;
        if (const auto gone_on = go_on(); !gone_on) return gone_on;
      }
    }
    return {};
  }

 private:
  std::string path_of(std::size_t segment) const { return directory_ + "/" + name_of_segment(segment); }

  void begin_file(const std::string& name, std::uint64_t bytes) {
    const auto folder = std::filesystem::path(directory_).filename().native();
    text_ = tar_header(folder + "/" + name, bytes, began_at_);
    given_ = text_;
    left_ = bytes;
  }

  // Prepares what is returned next.
  result<void> go_on() {
    if (left_ != 0 || !is_closed_) return go_on_in_segment();
    if (segment_ < end_.segment) return begin_segment();
    zeros_ = tar_end_bytes;
    is_ended_ = true;
    return {};
  }

  result<void> begin_segment() {
    ++segment_;
    // A packed segment may replace this one at any time: use the size of the open file.
    if (const auto opened = is_last() ? result<void>() : other_.open(path_of(segment_)); !opened)
      return fail(opened.error());
    is_closed_ = false;
    begin_file(name_of_segment(segment_),
               is_last() ? filled_up(end_.position, SegmentFile::room_bytes) : reader().size());
    return {};
  }

  result<void> go_on_in_segment() {
    if (is_closed_) {
      zeros_ = filled_up(std::exchange(left_, 0), tar_block_bytes);
      return {};
    }
    const auto at = reader().position();
    BlockHead head;
    const auto block = reader().next_block(head);
    if (!block && block.error() != errc::storage_corrupt) return fail(block.error());
    if (!block || !next_.is_begun_by(head) || (head.kind == BlockKind::opens) != (at == 0) ||
        block->size() > left_)
      return fail_at(at);
    if (head.kind == BlockKind::packed &&
        !unpacked_.unpack(head, block->substr(block_head_bytes, head.payload_bytes)))
      return fail_at(at);
    while (!unpacked_.empty()) unpacked_.next(head);  // to the last block
    next_ = {head.number + 1, head.first + head.events, head.sum};
    if (is_last()) {
      is_closed_ = reader().position() >= end_.position;
      if (head.kind == BlockKind::closes || (is_closed_ && end_.next != next_)) return fail_at(at);
    } else {
      is_closed_ = head.kind == BlockKind::closes;
    }
    given_ = *block;
    left_ -= block->size();
    return {};
  }

  bool is_last() const { return segment_ == end_.segment; }
  SegmentReader& reader() { return is_last() ? last_ : other_; }

  errc fail(boost::system::error_code why) {
    failure_ = path_of(segment_) + ": " + why.message();
    return errc::storage_failed;
  }
  errc fail_at(std::uint64_t at) {
    failure_ = path_of(segment_) + " has been damaged at byte " + std::to_string(at);
    return errc::storage_corrupt;
  }

  const std::string directory_;
  const BackupEnd end_;
  const UnixMs began_at_;
  SegmentReader last_;
  SegmentReader other_;
  UnpackedBlocks unpacked_;  // to check packed blocks
  std::size_t segment_ = 0;  // the current one; 0: none yet
  BlockPlace next_;
  std::uint64_t left_ = 0;  // bytes of the segment's file after what was returned
  bool is_closed_ = true;   // the segment has no more blocks: the rest of its file is zeros
  bool is_ended_ = false;
  std::string text_;         // generated content
  std::string_view given_;   // what is returned next: a part of text_ or of a block
  std::uint64_t zeros_ = 0;  // number of zeros to return after it
  std::string failure_;
};

}  // namespace

result<std::unique_ptr<Backup>> LocalLog::back_up() const {
  const auto end = [this] {
    const MutexLock lock(mutex_);
    return confirmed_;
  };
  while (true) {
    const auto [segment, position, next] = end();
    auto backup = std::make_unique<LocalBackup>(directory_, BackupEnd{segment, position, next});
    if (const auto opened = backup->open_last(); !opened) return fail(path_of(segment), opened.error());
    if (end().segment == segment) return std::unique_ptr<Backup>(std::move(backup));
  }
}

}  // namespace revoked::engine
