#include "tests/support/small_segments.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "engine/log/local_log.hpp"
#include "engine/log/segment_file.hpp"

namespace revoked::test {

namespace fs = std::filesystem;

void make_segments_small(const fs::path& data_directory, std::uint64_t segment_bytes) {
  const auto path = (data_directory / "log").native();
  std::vector<std::string> batches;
  std::string detail;
  {
    const auto log = engine::LocalLog::open(path, detail);
    if (!log) throw std::runtime_error(detail);
    const auto read = (*log)->read(1, [&](const engine::BatchView& batch) {
      batches.emplace_back(batch.bytes());
      return true;
    });
    if (!read) throw std::runtime_error((*log)->failure());
  }
  fs::remove_all(path);
  const auto log = engine::LocalLog::open(path, detail, segment_bytes);
  if (!log) throw std::runtime_error(detail);
  for (const auto& bytes : batches) {
    engine::BatchView batch;
    if (!engine::BatchView::parse(bytes, batch) || !(*log)->append(batch))
      throw std::runtime_error((*log)->failure());
  }
}

std::vector<fs::path> closed_segments(const fs::path& data_directory) {
  std::vector<fs::path> segments;
  for (const auto& at : fs::directory_iterator(data_directory / "log")) {
    if (at.path().extension() == ".segment") segments.push_back(at.path());
  }
  std::ranges::sort(segments);
  if (!segments.empty()) segments.pop_back();
  return segments;
}

bool is_packed(const fs::path& segment) {
  return fs::file_size(segment) % engine::SegmentFile::room_bytes != 0;
}

bool are_packed(const fs::path& data_directory) {
  const auto segments = closed_segments(data_directory);
  return !segments.empty() && std::ranges::all_of(segments, is_packed);
}

}  // namespace revoked::test
