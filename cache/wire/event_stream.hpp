#pragma once
// Parses a stream of Server-Sent Events (WHATWG HTML, section 9.2.6) from chunks of any size. No I/O.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "engine/model/event.hpp"

namespace revoked::cache {

class EventStream {
 public:
  // A message and its framing.
  static constexpr std::size_t default_max_event_bytes = engine::max_message_bytes + 1024;

  // Called with the data of each event that has data. False stops parsing; the remaining bytes are ignored.
  using Listener = std::function<bool(std::string_view data)>;

  explicit EventStream(std::size_t max_event_bytes = default_max_event_bytes) : limit_(max_event_bytes) {}

  enum class Outcome { more, ended, too_large };
  Outcome feed(std::string_view bytes, const Listener& on_event);

 private:
  bool take_line(std::string_view line, const Listener& on_event);

  const std::size_t limit_;
  std::string line_;           // an incomplete line
  std::string data_;           // of the event so far, a newline after each of its lines
  bool after_return_ = false;  // a newline now belongs to the carriage return before it
  bool at_start_ = true;       // a byte order mark is allowed
};

}  // namespace revoked::cache
