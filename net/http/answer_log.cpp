#include "net/http/answer_log.hpp"

#include <cstring>
#include <string>

#include "net/http/log_record.hpp"

namespace revoked::net {

void AnswerLog::begin(Level level, std::string_view message) {
  if (!is_logged(level)) return;
  if (open_ != none) records_.truncate(open_);
  open_ = records_.size();
  records_.extend(sizeof(Size));
  begin_record(records_, level, message);
}

AnswerLog& AnswerLog::field(std::string_view name, std::string_view value) {
  if (open_ != none) add_field(records_, name, value);
  return *this;
}

AnswerLog& AnswerLog::field(std::string_view name, engine::Position value) {
  if (open_ != none) add_field(records_, name, value);
  return *this;
}

AnswerLog& AnswerLog::fields(LogFields fields) {
  if (open_ != none) add_fields(records_, fields);
  return *this;
}

void AnswerLog::end(unsigned status) {
  if (open_ == none) return;
  field("status", status == 0 ? "unanswered" : std::to_string(status));
  const auto size = static_cast<Size>(records_.size() - open_ - sizeof(Size));
  std::memcpy(records_.at(open_), &size, sizeof size);
  open_ = none;
}

void AnswerLog::write() {
  for (std::string_view rest = records_.view(); !rest.empty();) {
    Size size = 0;
    std::memcpy(&size, rest.data(), sizeof size);
    log_record(rest.substr(sizeof size, size));
    rest.remove_prefix(sizeof size + size);
  }
  records_.clear(kept_bytes);
}

void AnswerLog::shrink() {
  if (records_.size() == 0) records_.clear(0);
}

}  // namespace revoked::net
