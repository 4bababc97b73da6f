// Packing of closed segments: see local_log.hpp.

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "engine/base/free_space.hpp"
#include "engine/log/local_log.hpp"
#include "engine/log/segment_packer.hpp"

namespace revoked::engine {

void LocalLog::pack_in_background(BackgroundPacker::Report report) {
  packer_ = std::make_unique<BackgroundPacker>(*this, std::move(report));
}

std::optional<std::size_t> LocalLog::next_unpacked(std::size_t number) const {
  const MutexLock lock(mutex_);
  while (++number < segments_.size()) {
    if (!segments_[number - 1].is_packed) return number;
  }
  return {};
}

bool LocalLog::must_packing_wait(std::chrono::steady_clock::time_point now) const {
  const std::chrono::steady_clock::duration appended(appended_at_.load(std::memory_order_relaxed));
  if (now.time_since_epoch() - appended > just_now) return false;
  const MutexLock lock(mutex_);
  const auto packed = std::ranges::count(segments_, true, &Segment::is_packed);
  return segments_.size() - static_cast<std::size_t>(packed) <= most_unpacked;
}

result<Packing> LocalLog::pack(std::size_t number, const std::function<bool()>& go_on, std::string& detail) {
  const auto path = path_of(number);
  const auto draft = path.substr(0, path.size() - segment_suffix.size()) + std::string(draft_suffix);
  std::uint64_t end = 0;
  {
    const MutexLock lock(mutex_);
    end = segments_[number - 1].end;
  }
  // On a nearly full disk the log itself needs the remaining space.
  if (const auto space = free_space_of(directory_); space.total != 0 && space.available < 2 * end) {
    detail = path + " is not packed: not enough disk space";
    return errc::overloaded;
  }
  std::uint64_t at = 0;
  auto packed = pack_segment(path, end, draft, go_on, at);
  if (packed && *packed == Packing::done) packed = replace_segment(draft, number, at);
  if (packed) return packed;
  if (packed.error() == errc::storage_corrupt)
    detail = path + " has been damaged at byte " + std::to_string(at) + ": not packed";
  else if (packed.error() == errc::storage_failed)
    detail = draft + " reads back differently from what was written";
  else
    detail = draft + ": " + packed.error().message();
  return packed;
}

// Concurrent readers of the old file keep reading it.
result<Packing> LocalLog::replace_segment(const std::string& draft, std::size_t number, std::uint64_t end) {
  if (::rename(draft.c_str(), path_of(number).c_str()) != 0) {
    const auto why = errno_code();
    ::unlink(draft.c_str());
    return why;
  }
  {
    const MutexLock lock(mutex_);
    auto& segment = segments_[number - 1];
    segment.end = end;
    segment.is_packed = true;
  }
  if (const auto synced = sync_directory(directory_); !synced) return synced.error();
  return Packing::done;
}

}  // namespace revoked::engine
