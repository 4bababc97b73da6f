#include "engine/log/local_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "engine/log/segment_reader.hpp"

namespace revoked::engine {

std::string name_of_segment(std::size_t number) {
  auto digits = std::to_string(number);
  digits.insert(0, 8 - std::min<std::size_t>(8, digits.size()), '0');
  return digits + ".segment";
}

std::string LocalLog::path_of(std::size_t number) const { return directory_ + "/" + name_of_segment(number); }

errc LocalLog::fail(errc code, std::string what) const {
  const MutexLock lock(mutex_);
  if (!has_failed_) failure_ = std::move(what);
  return code;
}

errc LocalLog::fail(std::string_view file, boost::system::error_code why) const {
  return fail(errc::storage_failed, std::string(file) + ": " + why.message());
}

errc LocalLog::fail_at(std::size_t segment, std::uint64_t at, std::string_view what) const {
  return fail(errc::storage_corrupt,
              path_of(segment) + " " + std::string(what) + " at byte " + std::to_string(at));
}

std::string LocalLog::failure() const {
  const MutexLock lock(mutex_);
  return failure_;
}

Sequence LocalLog::last() const {
  const MutexLock lock(mutex_);
  return last_;
}

result<void> LocalLog::append(const BatchView& batch) {
  appended_at_.store(std::chrono::steady_clock::now().time_since_epoch().count(), std::memory_order_relaxed);
  const auto appended = append_batch(batch);
  if (appended && std::exchange(may_pack_, false) && packer_) packer_->wake();
  const MutexLock lock(mutex_);
  has_failed_ = !appended;
  return appended;
}

result<void> LocalLog::append_batch(const BatchView& batch) {
  if (batch.first() != next_.first || batch.count() == 0)
    return fail(errc::storage_corrupt, directory_ + ": events out of sequence");
  const auto size = block_size(batch.bytes().size());
  if (holds_batches_ && current_->position() + size + block_size(0) > segment_bytes_) {
    if (const auto begun = next_segment(); !begun) return begun;
  }
  BlockHead head;
  head.kind = BlockKind::batch;
  head.events = batch.count();
  if (const auto appended = append_block(*current_, head, batch.bytes()); !appended)
    return fail(path_of(number_), appended.error());
  holds_batches_ = true;
  const MutexLock lock(mutex_);
  segments_.back().end = current_->position();
  last_ = batch.last();
  confirmed_ = {number_, current_->position(), next_};
  return {};
}

result<void> LocalLog::append_block(SegmentFile& file, BlockHead& head, std::string_view payload) {
  head.number = next_.number;
  head.first = next_.first;
  head.before = next_.before;
  head.raw_bytes = static_cast<std::uint32_t>(payload.size());
  if (const auto appended = file.append(head, payload); !appended) return appended;
  next_ = {head.number + 1, head.first + head.events, head.sum};
  end_->set({head.number, head.sum});
  return {};
}

// The next segment is created before this one is closed: a log that lost its last segment is not taken for a
// complete one.
result<void> LocalLog::next_segment() {
  if (synced_ == Synced::each_segment) {
    if (const auto synced = current_->sync(); !synced) return fail(path_of(number_), synced.error());
  }
  const auto before = std::move(current_);
  const auto at_close = next_;
  // The closing block as it will be written: the next segment is chained to it.
  BlockHead closing{BlockKind::closes, Codec::none, next_.number, next_.first, 0, 0, 0, next_.before, {}};
  std::string bytes(block_size(0), '\0');
  write_block(bytes.data(), closing, {});
  next_ = {closing.number + 1, closing.first, closing.sum};
  if (const auto begun = begin_segment(before->position()); !begun) return begun;
  const auto behind = std::exchange(next_, at_close);
  BlockHead head;
  head.kind = BlockKind::closes;
  if (const auto closed = append_block(*before, head, {}); !closed)
    return fail(path_of(number_ - 1), closed.error());
  next_ = behind;
  end_->set({next_.number - 1, next_.before});
  const MutexLock lock(mutex_);
  segments_[segments_.size() - 2].end = before->position();
  confirmed_ = {number_, current_->position(), next_};
  may_pack_ = true;
  return {};
}

// A file gets its final name once its opening block is written.
result<void> LocalLog::begin_segment(std::uint64_t closes_at) {
  const auto number = number_ + 1;
  const auto draft = directory_ + "/next";
  ::unlink(draft.c_str());
  auto file = SegmentFile::create(draft, synced_);
  if (!file) return fail(draft, file.error());
  const Opening opening{format_version, 0, number, closes_at};
  BlockHead head;
  head.kind = BlockKind::opens;
  head.number = next_.number;
  head.first = next_.first;
  head.before = next_.before;
  head.raw_bytes = sizeof opening;
  const auto appended = (*file)->append(head, {reinterpret_cast<const char*>(&opening), sizeof opening});
  if (!appended) return fail(draft, appended.error());
  if (::rename(draft.c_str(), path_of(number).c_str()) != 0) return fail(path_of(number), errno_code());
  if (const auto synced = sync_directory(directory_); !synced) return fail(directory_, synced.error());
  next_ = {head.number + 1, head.first, head.sum};
  current_ = std::move(*file);
  number_ = number;
  holds_batches_ = false;
  const MutexLock lock(mutex_);
  segments_.push_back({next_.first, current_->position()});
  return {};
}

result<void> LocalLog::sync_directory(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return errno_code();
  result<void> synced;
  if (::fsync(file) != 0) synced = errno_code();
  ::close(file);
  return synced;
}

result<void> LocalLog::read(Sequence from, const Visitor& visit) const {
  auto next = std::max<Sequence>(from, 1);
  std::vector<Segment> segments;  // from the first one to read
  std::size_t number = 0;         // of that segment
  Sequence last = 0;
  {
    const MutexLock lock(mutex_);
    last = last_;
    if (next > last) return {};
    const auto after = std::upper_bound(segments_.begin(), segments_.end(), next,
                                        [](Sequence s, const Segment& segment) { return s < segment.first; });
    // A segment without events begins where the next one does.
    const auto begin = after == segments_.begin() ? after : std::prev(after);
    segments.assign(begin, segments_.end());
    number = static_cast<std::size_t>(begin - segments_.begin()) + 1;
  }
  SegmentReader reader;
  std::optional<BlockPlace> expected;
  for (auto segment = segments.begin(); segment != segments.end() && next <= last; ++segment, ++number) {
    const auto path = path_of(number);
    auto opened = reader.open(path);
    if (opened && !expected) {
      const auto behind = std::next(segment) == segments.end() ? last + 1 : std::next(segment)->first;
      opened = reader.seek(next, {segment->end, segment->first, behind});
    }
    if (!opened) return fail(path, opened.error());
    // Read a closed segment up to its closing block: if it was packed meanwhile, that is at another offset.
    for (bool closed = false; next <= last && !closed;) {
      const auto at = reader.position();
      BlockHead head;
      const auto payload = reader.next(head);
      if (!payload && payload.error() != errc::storage_corrupt) return fail(path, payload.error());
      if (!payload || (expected && !expected->is_begun_by(head)))
        return fail_at(number, at, "has been damaged");
      expected = BlockPlace{head.number + 1, head.first + head.events, head.sum};
      closed = head.kind == BlockKind::closes;
      if (head.kind != BlockKind::batch) continue;
      BatchView batch;
      if (!BatchView::parse(*payload, batch) || batch.first() != head.first || batch.count() != head.events ||
          batch.first() > next)
        return fail_at(number, at, "has been damaged");
      if (batch.last() < next) continue;
      if (!visit(batch)) return {};
      next = batch.last() + 1;
    }
  }
  if (next <= last) return fail_at(number - 1, segments.back().end, "ends too early");
  return {};
}

}  // namespace revoked::engine
