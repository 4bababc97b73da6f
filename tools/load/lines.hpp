#pragma once
// Any number of lines from a template: to standard output, or as the body of one request.

#include <cstdint>
#include <string>

#include "tools/load/request.hpp"

namespace revoked::load {

struct Lines {
  std::string line;  // a template; what ends a line is part of it
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

void print_lines(const Lines& lines);

struct BodyAnswer {
  int status = 0;
  std::string body;
  double seconds = 0;  // from the first byte sent to the last one of the answer
};
// Sends them as one chunked body, made while it is sent. The options' own body is not used.
BodyAnswer send_lines(const Url& url, const Request::Options& request, const Lines& lines);

}  // namespace revoked::load
