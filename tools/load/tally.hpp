#pragma once
// What came of a load, and how it is printed.

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
  std::uint64_t bad = 0;  // of another status than expected
  std::map<int, std::uint64_t> statuses;
  Latency latency;
  Clock::time_point began, ended;  // the first request, the last answer

  void count(int status, Clock::time_point from, Clock::time_point now);
  std::uint64_t unanswered() const { return sent - answered; }
};

// Members of one JSON object, in order.
class JsonLine {
 public:
  JsonLine& number(std::string_view name, double value);
  JsonLine& count(std::string_view name, std::uint64_t value);
  JsonLine& text(std::string_view name, std::string_view value);  // that needs no escapes but of quotes
  JsonLine& latency(std::string_view name, const Latency& latency);
  JsonLine& tally(const Tally& tally);
  // How much of one processor this process itself has used, of the time the tally took: near 1, the load
  // generator was the limit.
  JsonLine& own_share(const Tally& tally);
  std::string finish() const { return text_ + "}"; }

 private:
  void name(std::string_view name);
  std::string text_ = "{";
};

}  // namespace revoked::load
