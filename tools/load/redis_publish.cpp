#include <algorithm>
#include <array>
#include <deque>
#include <stdexcept>

#include "tools/load/propagation.hpp"
#include "tools/load/schedule.hpp"

namespace revoked::load {
namespace {

constexpr std::string_view channel = "revoked-load";

std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

void subscribe(Socket& socket) {
  socket.send_all("*2\r\n" + bulk("SUBSCRIBE") + bulk(channel));
  const auto answer = "*3\r\n" + bulk("subscribe") + bulk(channel) + ":1\r\n";
  std::string got(answer.size(), '\0');
  for (std::size_t size = 0; size < got.size();) size += socket.receive_some(std::span(got).subspan(size));
  if (got != answer) throw std::runtime_error("Redis refused the subscription");
}

}  // namespace

Tally run_redis_publish(const std::string& socket_path, double rate, double seconds, std::size_t size) {
  const std::string message(size, 'm');
  const auto command = "*3\r\n" + bulk("PUBLISH") + bulk(channel) + bulk(message);
  const auto arrives_size = ("*3\r\n" + bulk("message") + bulk(channel) + bulk(message)).size();

  auto subscriber = Socket::connect_unix(socket_path);
  subscribe(subscriber);
  auto publisher = Socket::connect_unix(socket_path);
  Poller poller;
  subscriber.set_nonblocking();
  publisher.set_nonblocking();
  poller.add(subscriber, 0);
  poller.add(publisher, 1);

  Tally tally;
  std::deque<Clock::time_point> due;  // of those that have not arrived
  std::array<char, 64 * 1024> buffer;
  std::size_t arrived_bytes = 0;
  tally.began = tally.ended = Clock::now();
  Schedule schedule(rate, seconds, tally.began);
  while (!schedule.is_over() || tally.unanswered() > 0) {
    while (schedule.is_due(Clock::now())) {
      due.push_back(schedule.next());
      schedule.take();
      // While messages arrive the socket buffer has room for one more.
      if (publisher.send_some(command) != command.size()) throw std::runtime_error("Redis does not keep up");
      ++tally.sent;
    }
    const auto give_up = std::max(tally.ended, tally.began) + patience;
    poller.wait(std::min(schedule.next(), give_up));
    if (Clock::now() > give_up) break;
    while (publisher.receive_some(buffer) > 0) continue;  // the replies: receiver counts
    while (const auto count = subscriber.receive_some(buffer)) {
      for (arrived_bytes += count; arrived_bytes >= arrives_size; arrived_bytes -= arrives_size) {
        tally.count(200, due.front(), Clock::now());
        due.pop_front();
      }
    }
  }
  return tally;
}

}  // namespace revoked::load
