#pragma once
// Lines generated from a template, to standard output or as the body of one request.

#include <cstdint>
#include <string>

#include "tools/load/request.hpp"

namespace revoked::load {

struct Lines {
  std::string line;  // a template, including the line end
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

void print_lines(const Lines& lines);

struct BodyAnswer {
  int status = 0;
  std::string body;
  double seconds = 0;  // first byte sent to last byte received
};
// Sends the lines as one chunked body, generated while sending. `request.body` is ignored.
BodyAnswer send_lines(const Url& url, const Request::Options& request, const Lines& lines);

}  // namespace revoked::load
