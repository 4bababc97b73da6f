#pragma once
// Results of a load, and their output.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tools/load/latency.hpp"
#include "tools/load/socket.hpp"

namespace revoked::load {

struct Tally {
  std::set<int> expected;  // statuses; empty: 200 to 299
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t bad = 0;  // with an unexpected status
  std::map<int, std::uint64_t> statuses;
  Latency latency;
  Clock::time_point began, ended;  // first request, last response

  void count(int status, Clock::time_point from, Clock::time_point now);
  std::uint64_t unanswered() const { return sent - answered; }
};

// Members of one JSON object, in order.
class JsonLine {
 public:
  JsonLine& number(std::string_view name, double value);
  JsonLine& count(std::string_view name, std::uint64_t value);
  JsonLine& text(std::string_view name, std::string_view value);  // escapes quotes only
  JsonLine& latency(std::string_view name, const Latency& latency);
  JsonLine& tally(const Tally& tally);
  // CPU time of this process divided by the tally's duration: near 1, the load generator was the limit.
  JsonLine& own_share(const Tally& tally);
  std::string finish() const { return text_ + "}"; }

 private:
  void name(std::string_view name);
  std::string text_ = "{";
};

}  // namespace revoked::load
