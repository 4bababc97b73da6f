#include <vector>

#include "tools/load/http_load.hpp"
#include "tools/load/http_pipe.hpp"

namespace revoked::load {
namespace {

class ClosedLoad {
 public:
  explicit ClosedLoad(const HttpLoad& load) : load_(load), request_(load.url, load.request) {
    tally_.expected = load.expected;
    for (std::uint32_t i = 0; i < load.connections; ++i) {
      connections_.emplace_back(load.url);
      poller_.add(connections_.back().pipe.socket(), i);
    }
  }

  Tally run() {
    tally_.began = tally_.ended = Clock::now();
    send_until_ = load_.seconds > 0 ? tally_.began + std::chrono::duration_cast<Clock::duration>(
                                                         std::chrono::duration<double>(load_.seconds))
                                    : Clock::time_point::max();
    for (auto& connection : connections_) send(connection, tally_.began);
    while (tally_.unanswered() > 0) {
      const auto& ready = poller_.wait(tally_.ended + patience);
      if (ready.empty() && Clock::now() > tally_.ended + patience) break;
      for (const auto number : ready) serve(connections_[number]);
    }
    return std::move(tally_);
  }

 private:
  struct Connection {
    explicit Connection(const Url& url) : pipe(url) {}
    HttpPipe pipe;
    std::size_t under_way = 0;
    Clock::time_point sent_at;
  };

  void send(Connection& connection, Clock::time_point now) {
    if (now >= send_until_) return;
    for (; connection.under_way < load_.depth; ++connection.under_way) {
      if (load_.count != 0 && tally_.sent == load_.count) break;
      request_.append(load_.number_of(tally_.sent), connection.pipe.unsent());
      ++tally_.sent;
    }
    connection.sent_at = now;
    connection.pipe.flush();
  }

  void serve(Connection& connection) {
    connection.pipe.flush();
    Clock::time_point now{};  // read once per event
    connection.pipe.receive([&](int status) {
      if (now == Clock::time_point{}) now = Clock::now();
      --connection.under_way;
      tally_.count(status, connection.sent_at, now);
    });
    if (connection.under_way == 0 && now != Clock::time_point{}) send(connection, now);
  }

  const HttpLoad& load_;
  Request request_;
  std::vector<Connection> connections_;
  Poller poller_;
  Tally tally_;
  Clock::time_point send_until_;
};

}  // namespace

Tally run_closed(const HttpLoad& load) { return ClosedLoad(load).run(); }

}  // namespace revoked::load
