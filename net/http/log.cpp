#include "net/http/log.hpp"

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "engine/base/time.hpp"
#include "net/http/log_record.hpp"
#include "net/http/log_writer.hpp"

namespace revoked::net {
namespace {

constexpr std::string_view names[] = {"debug", "info", "warning", "error"};
std::atomic<Level> lowest{Level::info};
std::atomic<LogWriter*> writer{nullptr};

// One write, so that lines of several threads do not mix. A failing log stops nothing.
void write_now(std::string_view record) {
  std::string line;
  append_line(line, record);
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

RecordBytes record_of(Level level, std::string_view message, LogFields fields) {
  RecordBytes record;
  begin_record(record, level, message);
  add_fields(record, fields);
  return record;
}

}  // namespace

std::optional<Level> parse_level(std::string_view name) {
  for (int i = 0; i < 4; ++i) {
    if (names[i] == name) return static_cast<Level>(i);
  }
  return {};
}

std::string_view name_of(Level level) { return names[static_cast<int>(level)]; }

void set_log_level(Level level) { lowest = level; }

bool is_logged(Level level) { return level >= lowest.load(std::memory_order_relaxed); }

StandardErrorLog::StandardErrorLog() : writer_(std::make_unique<LogWriter>(STDERR_FILENO)) {
  writer = writer_.get();
}

StandardErrorLog::~StandardErrorLog() { writer = nullptr; }

bool LogLimit::admit(const engine::Asker& asker, std::uint64_t& others) {
  return meter_.admit(asker, engine::now_unix_ms(), others);
}

void log_record(std::string_view record) {
  if (auto* const thread = writer.load(std::memory_order_acquire))
    thread->push(record);
  else
    write_now(record);
}

void log(Level level, std::string_view message, LogFields fields) {
  if (is_logged(level)) log_record(record_of(level, message, fields).view());
}

void log(LogLimit& limit, const engine::Asker& asker, Level level, std::string_view message,
         LogFields fields) {
  std::uint64_t others = 0;
  if (!is_logged(level) || !limit.admit(asker, others)) return;
  auto record = record_of(level, message, fields);
  add_field(record, "others_before", std::to_string(others));
  log_record(record.view());
}

void log_last(std::string_view message, LogFields fields) {
  if (auto* const thread = writer.load(std::memory_order_acquire)) thread->flush(std::chrono::seconds(1));
  // Written by this thread: whatever has failed may be the other one. Not if nobody reads.
  pollfd ready{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&ready, 1, 0) > 0) write_now(record_of(Level::error, message, fields).view());
}

}  // namespace revoked::net
