#pragma once
// The lines of a streamed body (NDJSON). Holds one line and the rest of one piece, whatever the body's
// length.

#include <string>
#include <string_view>

#include "net/http/body_reader.hpp"

namespace revoked::net {

inline constexpr std::size_t max_line_bytes = 64 << 10;

class LineReader {
 public:
  explicit LineReader(BodyReader& body) : body_(body) {}

  // Takes the next whole line, without its line end, from what has arrived. False: call fill() for more. The
  // line is valid until then. A line over the limit is returned empty, with `too_long` set.
  struct Line {
    std::string_view text;
    std::uint64_t number = 0;  // from 1
    bool too_long = false;
  };
  bool next(Line& line);
  // What has arrived and is not taken yet.
  std::string_view ahead() const { return std::string_view(held_).substr(taken_); }

  // Waits for one line, not for more: a revocation must not wait for the lines after it. At the end of the
  // body, the rest is the last line; Got::end is returned once that has been taken.
  Task<BodyReader::Got> fill();

 private:
  BodyReader& body_;
  std::string held_;
  std::size_t taken_ = 0;     // of held_
  std::size_t searched_ = 0;  // of held_: no line ends before this
  std::uint64_t number_ = 0;
  bool skipping_ = false;  // the rest of a line that was too long
  bool ended_ = false;
};

}  // namespace revoked::net
