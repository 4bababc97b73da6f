#include "engine/write_ahead.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>

namespace revoked::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view suffix = ".log";
constexpr std::size_t max_spare = 2;

std::uint64_t number_of(const fs::path& file) {
  const auto name = file.filename().string();
  std::uint64_t number = 0;
  if (!name.ends_with(suffix)) return 0;
  const auto end = name.data() + name.size() - suffix.size();
  const auto read = std::from_chars(name.data(), end, number);
  return read.ec == std::errc{} && read.ptr == end ? number : 0;
}

std::string_view bytes_of(const std::uint64_t& number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

}  // namespace

// Reads the segments of one log in order, and sees to it that nothing is missing between them.
class WriteAhead::Recovery {
 public:
  Recovery(Sequence stored, const Visitor& visit) : stored_(stored), visit_(visit) {}

  Sequence expected() const { return expected_; }
  bool is_closed() const { return closed_; }
  std::uint64_t end() const { return end_; }  // of what the last segment holds

  enum class State { of_the_log, only_begun };
  // Only begun when the process ended, and its predecessor not closed.
  result<State> read(const std::string& path, std::uint64_t number, bool is_last) {
    const bool follows = closed_;
    const auto before = expected_;
    opened_ = closed_ = false;
    sound_ = true;
    const auto end = Segment::read(path, [&](const Record& record) {
      sound_ = opened_ ? take(record) : take_opening(record, number);
      return sound_ && !closed_ && visited_.has_value();
    });
    if (!end) return end.error();
    if (!visited_) return visited_.error();
    if (!sound_ || !opened_) return errc::storage_corrupt;
    if (follows) {
      end_ = *end;
      return State::of_the_log;
    }
    if (!is_last || closed_ || expected_ != before) return errc::storage_corrupt;
    return State::only_begun;
  }

 private:
  bool take_opening(const Record& record, std::uint64_t number) {
    opened_ = record.kind == RecordKind::opens && record.content == bytes_of(number) &&
              (expected_ == 0 ? record.tag <= stored_ + 1 : record.tag == expected_);
    expected_ = record.tag;
    return opened_;
  }

  bool take(const Record& record) {
    if (record.tag != expected_) return false;
    closed_ = record.kind == RecordKind::closes;
    if (closed_) return true;
    BatchView batch;
    if (record.kind != RecordKind::batch || !BatchView::parse(record.content, batch) ||
        batch.first() != expected_ || (batch.first() <= stored_ && batch.last() > stored_)) {
      return false;
    }
    expected_ = batch.last() + 1;
    if (batch.first() > stored_) visited_ = visit_(batch);
    return true;
  }

  const Sequence stored_;
  const Visitor& visit_;
  Sequence expected_ = 0;  // 0: not known yet
  std::uint64_t end_ = 0;
  bool opened_ = false;
  bool closed_ = true;
  bool sound_ = true;
  result<void> visited_;
};

result<std::unique_ptr<WriteAhead>> WriteAhead::open(const std::string& directory, Sequence stored,
                                                     const Visitor& visit, std::string& detail,
                                                     std::uint64_t segment_bytes) {
  std::unique_ptr<WriteAhead> log(new WriteAhead(directory, segment_bytes));
  if (const auto recovered = log->recover(stored, visit, detail); !recovered) return recovered.error();
  return log;
}

result<void> WriteAhead::recover(Sequence stored, const Visitor& visit, std::string& detail) {
  std::error_code error;
  fs::create_directories(directory_, error);
  std::vector<std::uint64_t> numbers;
  for (fs::directory_iterator at(directory_, error), end; !error && at != end; at.increment(error)) {
    if (const auto number = number_of(at->path()); number != 0) numbers.push_back(number);
  }
  const auto refuse = [&](errc code, std::string why) -> result<void> {
    detail = std::move(why);
    return code;
  };
  if (error) return refuse(errc::storage_failed, directory_ + ": " + error.message());
  if (numbers.empty() && stored != 0) return refuse(errc::storage_corrupt, directory_ + " has no log in it");
  std::sort(numbers.begin(), numbers.end());

  // What lies in front of a gap had been released.
  auto first = numbers.begin();
  for (auto at = numbers.begin(); at != numbers.end(); ++at) {
    if (at != first && *at != *(at - 1) + 1) first = at;
  }
  spare_.assign(numbers.begin(), first);

  Recovery recovery(stored, visit);
  for (auto at = first; at != numbers.end(); ++at) {
    const auto used = recovery.read(path_of(*at), *at, at + 1 == numbers.end());
    if (!used) return refuse(static_cast<errc>(used.error().value()), path_of(*at) + " cannot be trusted");
    if (*used == Recovery::State::only_begun) break;
    number_ = *at;
    full_.push_back({*at, recovery.expected() - 1});
  }
  if (number_ != 0 && recovery.is_closed()) {
    return refuse(errc::storage_corrupt, path_of(number_ + 1) + " is missing");
  }
  if (stored != 0 && recovery.expected() <= stored) {
    return refuse(errc::storage_corrupt, directory_ + " ends before the tables do");
  }

  next_ = std::max<Sequence>(recovery.expected(), 1);
  result<void> begun;
  if (number_ != 0) {
    auto last = Segment::open(path_of(number_), recovery.end());
    if (!last) return refuse(errc::storage_failed, path_of(number_) + " cannot be written");
    current_ = std::move(*last);
    begun = next_segment();
  } else {
    begun = begin_segment(1);
  }
  if (!begun) return refuse(errc::storage_failed, directory_ + " cannot be written");
  release(stored);
  return {};
}

result<void> WriteAhead::append(const BatchView& batch) {
  const Record record{batch.first(), RecordKind::batch, batch.bytes()};
  if (current_->size_with(record.content.size()) > segment_bytes_ && holds_batches_) {
    {
      const std::scoped_lock lock(mutex_);
      full_.push_back({number_, next_ - 1});
    }
    if (const auto begun = next_segment(); !begun) return begun;
  }
  if (const auto appended = current_->append(record); !appended) return appended;
  holds_batches_ = true;
  next_ = batch.last() + 1;
  return {};
}

// The next one is there before this one says so: a log whose end is lost does not pass for a whole one.
result<void> WriteAhead::next_segment() {
  const auto before = std::move(current_);
  if (const auto begun = begin_segment(number_ + 1); !begun) return begun;
  return before->append({next_, RecordKind::closes, {}});
}

// A file gets its number when it has its beginning.
result<void> WriteAhead::begin_segment(std::uint64_t number) {
  const auto next = directory_ + "/next";
  {
    const std::scoped_lock lock(mutex_);
    if (!spare_.empty()) {
      if (::rename(path_of(spare_.back()).c_str(), next.c_str()) != 0) return errc::storage_failed;
      spare_.pop_back();
    }
  }
  auto segment = Segment::open(next);
  if (!segment) return segment.error();
  const auto opened = (*segment)->append({next_, RecordKind::opens, bytes_of(number)});
  if (!opened) return opened;
  if (::rename(next.c_str(), path_of(number).c_str()) != 0) return errc::storage_failed;
  if (const auto synced = sync_directory(); !synced) return synced;
  current_ = std::move(*segment);
  number_ = number;
  holds_batches_ = false;
  return {};
}

bool WriteAhead::has_full_segments() const {
  const std::scoped_lock lock(mutex_);
  return !full_.empty();
}

void WriteAhead::release(Sequence stored) {
  const std::scoped_lock lock(mutex_);
  while (!full_.empty() && full_.front().last <= stored) {
    if (spare_.size() < max_spare) {
      spare_.push_back(full_.front().number);
    } else {
      ::unlink(path_of(full_.front().number).c_str());  // if it stays, the next start finds it spare
    }
    full_.pop_front();
  }
}

std::string WriteAhead::path_of(std::uint64_t number) const {
  auto digits = std::to_string(number);
  digits.insert(0, 8 - std::min<std::size_t>(8, digits.size()), '0');
  return directory_ + "/" + digits + std::string(suffix);
}

result<void> WriteAhead::sync_directory() const {
  const int file = ::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return errc::storage_failed;
  const bool synced = ::fsync(file) == 0;
  ::close(file);
  if (!synced) return errc::storage_failed;
  return {};
}

}  // namespace revoked::engine
