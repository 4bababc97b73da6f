#include "net/http/answer_log.hpp"

#include <cstring>

#include "net/http/log_record.hpp"

namespace revoked::net {

void AnswerLog::begin(Level level, std::string_view message) {
  if (!is_logged(level)) return;
  if (open_ != none) records_.resize(open_);
  open_ = records_.size();
  records_.append(sizeof(Size), '\0');
  begin_record(records_, level, message);
}

AnswerLog& AnswerLog::field(std::string_view name, std::string_view value) {
  if (open_ != none) add_field(records_, name, value);
  return *this;
}

void AnswerLog::end(unsigned status) {
  if (open_ == none) return;
  field("status", status == 0 ? "unanswered" : std::to_string(status));
  const auto size = static_cast<Size>(records_.size() - open_ - sizeof(Size));
  std::memcpy(records_.data() + open_, &size, sizeof size);
  open_ = none;
}

void AnswerLog::write() {
  for (std::string_view rest = records_; !rest.empty();) {
    Size size = 0;
    std::memcpy(&size, rest.data(), sizeof size);
    log_record(rest.substr(sizeof size, size));
    rest.remove_prefix(sizeof size + size);
  }
  records_.clear();
  if (records_.capacity() > kept_bytes) records_.shrink_to_fit();
}

}  // namespace revoked::net
