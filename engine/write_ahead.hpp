#pragma once
// The log that makes a commit durable: batches lie in it until the store's tables have been written to disk.
// A directory of numbered segments (segment.hpp); each says with its last record that there is a next one.

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/event.hpp"
#include "engine/segment.hpp"

namespace revoked::engine {

class WriteAhead {
 public:
  static constexpr std::uint64_t usual_segment_bytes = 64 << 20;

  // Opens the log in `directory`, which is made if it is not there, and visits the batches behind `stored`,
  // in order. errc::storage_corrupt if some are damaged or missing; the text of a failure goes to `detail`.
  using Visitor = std::function<result<void>(const BatchView&)>;
  static result<std::unique_ptr<WriteAhead>> open(const std::string& directory, Sequence stored,
                                                  const Visitor& visit, std::string& detail,
                                                  std::uint64_t segment_bytes = usual_segment_bytes);

  // Synced when it returns. On one thread. An error means unknown, and is final.
  result<void> append(const BatchView& batch);

  // The rest: from any thread.
  // Some of the log could be released.
  bool has_full_segments() const;
  // The tables on disk have everything up to `stored`: what is older is written over.
  void release(Sequence stored);

 private:
  struct Full {
    std::uint64_t number;
    Sequence last;
  };

  class Recovery;

  WriteAhead(std::string directory, std::uint64_t segment_bytes)
      : directory_(std::move(directory)), segment_bytes_(segment_bytes) {}
  result<void> recover(Sequence stored, const Visitor& visit, std::string& detail);
  result<void> next_segment();
  result<void> begin_segment(std::uint64_t number);
  std::string path_of(std::uint64_t number) const;
  result<void> sync_directory() const;

  const std::string directory_;
  const std::uint64_t segment_bytes_;
  std::unique_ptr<Segment> current_;
  std::uint64_t number_ = 0;  // of the current segment
  bool holds_batches_ = false;
  Sequence next_ = 1;

  mutable std::mutex mutex_;
  std::deque<Full> full_;
  std::vector<std::uint64_t> spare_;  // to be written over
};

}  // namespace revoked::engine
