#include <algorithm>
#include <deque>
#include <vector>

#include "tools/load/http_load.hpp"
#include "tools/load/http_pipe.hpp"
#include "tools/load/schedule.hpp"

namespace revoked::load {
namespace {

class OpenLoad {
 public:
  OpenLoad(const HttpLoad& load, double rate) : load_(load), request_(load.url, load.request), rate_(rate) {
    tally_.expected = load.expected;
    for (std::uint32_t i = 0; i < load.connections; ++i) {
      connections_.emplace_back(load.url);
      poller_.add(connections_.back().pipe.socket(), i);
      for (std::size_t slot = 0; slot < load.depth; ++slot) free_.push_back(i);
    }
  }

  Tally run() {
    tally_.began = tally_.ended = Clock::now();
    Schedule schedule(rate_, load_.seconds, tally_.began);
    while (!schedule.is_over() || tally_.unanswered() > 0) {
      for (auto now = Clock::now(); !free_.empty() && schedule.is_due(now);) send(schedule);
      const auto give_up = std::max(tally_.ended, last_sent_) + patience;
      // Without a free connection only a response makes progress.
      const auto& ready = poller_.wait(free_.empty() ? give_up : std::min(schedule.next(), give_up));
      if (ready.empty() && tally_.unanswered() > 0 && Clock::now() > give_up) break;
      for (const auto number : ready) serve(number);
    }
    return std::move(tally_);
  }

 private:
  struct Connection {
    explicit Connection(const Url& url) : pipe(url) {}
    HttpPipe pipe;
    std::deque<Clock::time_point> due;  // of the requests in flight
  };

  void send(Schedule& schedule) {
    auto& connection = connections_[free_.front()];
    free_.pop_front();
    connection.due.push_back(schedule.next());
    request_.append(load_.number_of(schedule.take()), connection.pipe.unsent());
    connection.pipe.flush();
    ++tally_.sent;
    last_sent_ = connection.due.back();
  }

  void serve(std::uint32_t number) {
    auto& connection = connections_[number];
    connection.pipe.flush();
    connection.pipe.receive([&](int status) {
      tally_.count(status, connection.due.front(), Clock::now());
      connection.due.pop_front();
      free_.push_back(number);
    });
  }

  const HttpLoad& load_;
  Request request_;
  double rate_;
  std::vector<Connection> connections_;
  std::deque<std::uint32_t> free_;  // each connection once per request it can still take
  Poller poller_;
  Tally tally_;
  Clock::time_point last_sent_{};
};

}  // namespace

Tally run_open(const HttpLoad& load, double rate) { return OpenLoad(load, rate).run(); }

}  // namespace revoked::load
