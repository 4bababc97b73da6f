#include "engine/log/segment_packer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "engine/log/packed_blocks.hpp"
#include "engine/log/segment_reader.hpp"
#include "engine/log/segment_scan.hpp"

namespace revoked::engine {
namespace {

// Written to disk piece by piece: one large sync at the end would delay concurrent syncs.
class NewFile {
 public:
  explicit NewFile(const std::string& path)
      : file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {}
  ~NewFile() {
    if (file_ >= 0) ::close(file_);
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  bool is_open() const { return file_ >= 0; }
  std::uint64_t size() const { return written_ + gathered_.size(); }
  std::string& end() { return gathered_; }  // appended bytes are written soon

  result<void> write_if_enough() { return gathered_.size() < piece_bytes ? result<void>() : write(); }
  // Later reads come from the disk.
  result<void> sync() {
    if (const auto written = write(); !written) return written;
    if (::fsync(file_) != 0) return errno_code();
    ::posix_fadvise(file_, 0, 0, POSIX_FADV_DONTNEED);
    return {};
  }

 private:
  static constexpr std::size_t piece_bytes = 128 << 10;

  result<void> write() {
    const auto begin = written_;
    for (std::string_view rest = gathered_; !rest.empty();) {
      const auto size = ::write(file_, rest.data(), rest.size());
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return errno_code();
      rest.remove_prefix(static_cast<std::size_t>(size));
      written_ += static_cast<std::uint64_t>(size);
    }
    gathered_.clear();
    constexpr auto now = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    // Errors are reported by the sync at the end.
    (void)::sync_file_range(file_, static_cast<off_t>(begin), static_cast<off_t>(written_ - begin), now);
    return {};
  }

  const int file_;
  std::uint64_t written_ = 0;
  std::string gathered_;
};

void append_block(std::string& out, BlockHead head, std::string_view payload) {
  const auto at = out.size();
  out.resize(at + block_size(payload.size()));
  write_block(out.data() + at, head, payload);
}

class SegmentPacking {
 public:
  SegmentPacking(std::uint64_t end, const std::function<bool()>& go_on, std::uint64_t& at)
      : end_(end), go_on_(go_on), at_(at) {}

  result<Packing> pack(const std::string& from, const std::string& to) {
    if (const auto opened = reader_.open(from); !opened) return opened.error();
    NewFile file(to);
    if (!file.is_open()) return errno_code();
    BlockHead head;
    while (head.kind != BlockKind::closes) {
      const auto payload = next(head);
      if (!payload) return payload.error();
      if (!put(file.end(), head, *payload) || file.size() >= end_) return Packing::no_smaller;
      if (const auto written = file.write_if_enough(); !written) return written.error();
      if (!goes_on(*payload)) return Packing::given_up;
    }
    if (const auto synced = file.sync(); !synced) return synced.error();
    at_ = file.size();
    return Packing::done;
  }

  // Whether it unpacks to the same blocks: the sum of the last one covers all.
  result<Packing> verify(const std::string& packed) {
    const auto last = std::exchange(place_, first_);
    if (const auto opened = reader_.open(packed); !opened) return opened.error();
    BlockHead head;
    while (head.kind != BlockKind::closes) {
      const auto payload = reader_.next(head);
      if (!payload && payload.error() != errc::storage_corrupt) return payload.error();
      if (!payload || !place_.is_begun_by(head)) return errc::storage_failed;
      place_ = {head.number + 1, head.first + head.events, head.sum};
      if (!goes_on(*payload)) return Packing::given_up;
    }
    if (reader_.position() != reader_.size() || place_ != last) return errc::storage_failed;
    return Packing::done;
  }

 private:
  // Calls go_on once per 16 KiB.
  bool goes_on(std::string_view payload) {
    unasked_bytes_ += block_size(payload.size());
    if (unasked_bytes_ < 16 << 10) return true;
    unasked_bytes_ = 0;
    return go_on_();
  }

  // The next block of the segment, checked against its position in the chain.
  result<std::string_view> next(BlockHead& head) {
    const auto at = at_ = reader_.position();
    const auto payload = reader_.next(head);
    if (!payload) return payload;
    if (at == 0) first_ = place_ = {head.number, head.first, head.before};
    if (!place_.is_begun_by(head) || (head.kind == BlockKind::opens) != (at == 0))
      return errc::storage_corrupt;
    place_ = {head.number + 1, head.first + head.events, head.sum};
    return payload;
  }

  // False: it cannot be packed.
  bool put(std::string& out, const BlockHead& head, std::string_view payload) {
    const bool is_batch = head.kind == BlockKind::batch;
    if (!packer_.empty() && (!is_batch || !packer_.has_room(payload.size())) && !packer_.flush(out))
      return false;
    if (is_batch)
      packer_.add(head, payload);
    else
      append_block(out, head, payload);
    return true;
  }

  const std::uint64_t end_;
  const std::function<bool()>& go_on_;
  std::uint64_t& at_;
  SegmentReader reader_{128 << 10};  // small, as other threads read and write meanwhile
  BlockPacker packer_;
  BlockPlace first_;  // of the segment
  BlockPlace place_;
  std::uint64_t unasked_bytes_ = 0;
};

}  // namespace

result<Packing> pack_segment(const std::string& from, std::uint64_t end, const std::string& to,
                             const std::function<bool()>& go_on, std::uint64_t& at) {
  SegmentPacking packing(end, go_on, at);
  auto packed = packing.pack(from, to);
  if (packed && *packed == Packing::done) packed = packing.verify(to);
  if (!packed || *packed != Packing::done) ::unlink(to.c_str());
  return packed;
}

}  // namespace revoked::engine
