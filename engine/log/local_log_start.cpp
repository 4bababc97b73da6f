// Opening of a log: see local_log.hpp.

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "engine/log/local_log.hpp"
#include "engine/log/segment_reader.hpp"

namespace revoked::engine {
namespace {

namespace fs = std::filesystem;

std::uint64_t number_of(const fs::path& file, std::string_view suffix) {
  const auto name = file.filename().string();
  std::uint64_t number = 0;
  if (!name.ends_with(suffix)) return 0;
  const auto* const end = name.data() + name.size() - suffix.size();
  const auto read = std::from_chars(name.data(), end, number);
  return read.ec == std::errc{} && read.ptr == end ? number : 0;
}

result<std::string> read_whole(const std::string& path) {
  std::error_code error;
  std::string bytes(fs::file_size(path, error), '\0');
  std::ifstream in(path, std::ios::binary);
  if (error || !in.read(bytes.data(), static_cast<std::streamsize>(bytes.size())))
    return errno != 0 ? errno_code() : boost::system::error_code(errc::storage_failed);
  return bytes;
}

}  // namespace

// Checks the segments of a directory in order, and that none is missing.
class LocalLog::Starter {
 public:
  explicit Starter(LocalLog& log) : log_(log) {}

  result<void> run() {
    std::error_code error;
    fs::create_directories(log_.directory_, error);
    std::vector<std::uint64_t> numbers;
    std::vector<std::string> drafts;
    for (fs::directory_iterator at(log_.directory_, error), end; !error && at != end; at.increment(error)) {
      if (const auto number = number_of(at->path(), segment_suffix); number != 0) numbers.push_back(number);
      if (at->path().native().ends_with(draft_suffix)) drafts.push_back(at->path());
    }
    if (error) return log_.fail(log_.directory_, error);
    auto end = LogEnd::open(log_.directory_ + "/end");
    if (!end && end.error() == errc::storage_in_use)
      return log_.fail(errc::storage_in_use, log_.directory_ + " is in use");
    if (!end) return log_.fail(log_.directory_ + "/end", end.error());
    log_.end_ = std::move(*end);
    for (const auto& draft : drafts) ::unlink(draft.c_str());  // unfinished
    std::ranges::sort(numbers);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (numbers[i] != i + 1) return log_.fail(errc::storage_corrupt, log_.path_of(i + 1) + " is missing");
    }
    if (numbers.empty()) return begin();
    if (const auto opened = read_openings(numbers.size()); !opened) return opened;
    if (const auto scanned = scan_last(); !scanned) return scanned;
    return go_on();
  }

 private:
  result<void> begin() {
    if (const auto mark = log_.end_->mark(); mark.number != 0)
      return log_.fail(errc::storage_corrupt, log_.path_of(1) + " is missing: block " +
                                                  std::to_string(mark.number) + " had been confirmed");
    if (const auto begun = log_.begin_segment(0); !begun) return begun;
    // The entry of the directory itself, too.
    const auto parent = log_.directory_ + "/..";
    if (const auto synced = sync_directory(parent); !synced) return log_.fail(parent, synced.error());
    return {};
  }

  // The opening of each segment has the end of the previous one.
  result<void> read_openings(std::size_t count) {
    for (std::size_t number = 1; number <= count; ++number) {
      BlockHead head;
      Opening opening{};
      const auto payload = read_block(number, 0, head);
      const bool is_opening =
          payload && head.kind == BlockKind::opens && payload->size() >= sizeof opening.version;
      if (is_opening)  // in every format it begins with the version
        std::memcpy(&opening, payload->data(), std::min(payload->size(), sizeof opening));
      if (!payload && payload.error() != errc::storage_corrupt)
        return log_.fail(log_.path_of(number), payload.error());
      if (is_opening && opening.version != format_version)
        return log_.fail(errc::storage_of_other_format,
                         log_.path_of(number) + " has format " + std::to_string(opening.version) +
                             ", but this program reads " + std::to_string(format_version));
      if (opening.number != number) return log_.fail_at(number, 0, "has been damaged");
      if (number == 1 && (head.first != 1 || head.number != 1 || head.before != BlockSum{}))
        return log_.fail_at(number, 0, "is not the first of this log");
      if (number > 1 && !closes_before(number, head, opening.closes_at)) {
        // The process ended while it was created: it has no content, and the previous segment is not closed
        // yet.
        if (number < count || !has_only_opening(number)) return fail_to_join(number - 1, opening.closes_at);
        segments_.back().is_packed = false;
        only_begun_ = number;
        closes_at_ = opening.closes_at;
        return {};
      }
      segments_.push_back({head.first, 0});
      opening_ = {head.number, head.first, head.before};
    }
    return {};
  }

  bool has_only_opening(std::size_t number) const {
    const auto bytes = read_whole(log_.path_of(number));
    return bytes && bytes->find_first_not_of('\0', block_size(sizeof(Opening))) == std::string::npos;
  }

  bool closes_before(std::size_t number, const BlockHead& head, std::uint64_t at) {
    auto& before = segments_.back();
    if (!reader_.open(log_.path_of(number - 1))) return false;
    // If packed, the file is smaller, and its last block is the closing one.
    before.is_packed = reader_.size() <= at;
    if (before.is_packed) at = std::max(reader_.size(), block_size(0)) - block_size(0);
    BlockHead closing;
    if (!read_block(number - 1, at, closing) || closing.kind != BlockKind::closes ||
        closing.sum != head.before || closing.number + 1 != head.number || closing.first != head.first)
      return false;
    before.end = at + block_size(0);
    return true;
  }

  // The next segment has the offset where this one was closed, unless it was packed since: then the damage
  // may be anywhere.
  result<void> fail_to_join(std::size_t number, std::uint64_t at) {
    if (segments_.back().is_packed) {
      const auto bytes = read_whole(log_.path_of(number));
      if (!bytes) return log_.fail(log_.path_of(number), bytes.error());
      const auto scan = scan_segment(*bytes, opening_, [](auto&&...) { return true; });
      if (scan.end != SegmentEnd::closed) return log_.fail_at(number, scan.position, "has been damaged");
      at = scan.position;
    }
    return log_.fail_at(number, at, "is not continued by the next segment");
  }

  result<std::string> read_block(std::size_t number, std::uint64_t at, BlockHead& head) {
    if (const auto opened = reader_.open(log_.path_of(number)); !opened) return opened.error();
    reader_.set_position(at);
    const auto payload = reader_.next(head);
    if (!payload) return payload.error();
    return std::string(*payload);
  }

  result<void> scan_last() {
    const auto number = segments_.size();
    const auto path = log_.path_of(number);
    const auto bytes = read_whole(path);
    if (!bytes) return log_.fail(path, bytes.error());
    end_ = scan_segment(*bytes, opening_,
                        [&](const BlockHead& head, std::string_view payload, std::uint64_t at) {
                          return is_good(head, payload, at);
                        });
    if (end_.end == SegmentEnd::closed && only_begun_ == 0)
      return log_.fail(errc::storage_corrupt, log_.path_of(number + 1) + " is missing");
    // The segment that was only begun has the offset where this one was to be closed.
    const bool is_short = only_begun_ != 0 && end_.position != closes_at_;
    if (end_.end == SegmentEnd::damaged || end_.end == SegmentEnd::closed || is_short)
      return log_.fail_at(number, end_.position, "has been damaged");
    // Space is allocated in units of room_bytes: a file of another size was truncated.
    if (bytes->size() % SegmentFile::room_bytes != 0)
      return log_.fail_at(number, bytes->size(), "has been truncated");
    segments_.back().end = end_.position;
    return {};
  }

  bool is_good(const BlockHead& head, std::string_view payload, std::uint64_t at) {
    if (head.kind == BlockKind::opens) return at == 0;
    if (head.kind == BlockKind::closes) return payload.empty();
    BatchView batch;
    log_.holds_batches_ = true;
    return head.kind == BlockKind::batch && BatchView::parse(payload, batch) && batch.first() == head.first &&
           batch.count() == head.events;
  }

  result<void> go_on() {
    const auto number = segments_.size();
    const auto mark = log_.end_->mark();
    const auto last = end_.next.number - 1;
    // The mark must be of this end, or of an earlier one.
    if (mark.number > last || (mark.number == last && mark.sum != end_.next.before))
      return log_.fail_at(number, end_.position,
                          "ends before block " + std::to_string(mark.number) + ", which had been confirmed,");
    log_.next_ = end_.next;
    log_.number_ = number;
    {
      const MutexLock lock(log_.mutex_);
      log_.segments_ = std::move(segments_);
      log_.last_ = end_.next.first - 1;
    }
    if (only_begun_ != 0 && ::unlink(log_.path_of(only_begun_).c_str()) != 0)
      return log_.fail(log_.path_of(only_begun_), errno_code());
    auto file = SegmentFile::open(log_.path_of(number), end_.position, log_.synced_);
    if (!file) return log_.fail(log_.path_of(number), file.error());
    log_.current_ = std::move(*file);
    // Close the segment: a block written after a torn one would leave its remains in between.
    if (end_.end == SegmentEnd::torn) return log_.next_segment();
    return {};
  }

  LocalLog& log_;
  std::vector<Segment> segments_;
  SegmentReader reader_;
  BlockPlace opening_;           // of the last segment
  std::size_t only_begun_ = 0;   // number of a segment after it that is ignored
  std::uint64_t closes_at_ = 0;  // according to that segment
  SegmentScan end_{};
};

result<std::unique_ptr<LocalLog>> LocalLog::open(const std::string& directory, std::string& detail,
                                                 std::uint64_t segment_bytes, Synced synced) {
  std::unique_ptr<LocalLog> log(new LocalLog(directory, segment_bytes, synced));
  if (const auto opened = Starter(*log).run(); !opened) {
    detail = log->failure();
    return opened.error();
  }
  const MutexLock lock(log->mutex_);
  log->confirmed_ = {log->number_, log->current_->position(), log->next_};
  return log;
}

}  // namespace revoked::engine
