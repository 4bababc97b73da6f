#include "tests/support/bus_proxy.hpp"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>
#include <string_view>
#include <utility>

#include "tests/support/loopback.hpp"

namespace revoked::test {
namespace {

constexpr auto poll_at_least = std::chrono::milliseconds(20);
constexpr std::string_view channel = "revoked:v1:invalidations";

// The size of the first complete command or reply; 0: none yet.
std::size_t unit_size(std::string_view bytes) {
  const auto end = bytes.find("\r\n");
  if (end == std::string_view::npos) return 0;
  const auto head = end + 2;
  if (bytes[0] != '$' && bytes[0] != '*') return head;
  int count = 0;
  std::from_chars(bytes.data() + 1, bytes.data() + end, count);
  if (count < 0) return head;
  if (bytes[0] == '$') {
    const auto size = head + static_cast<std::size_t>(count) + 2;
    return size <= bytes.size() ? size : 0;
  }
  auto size = head;
  for (int i = 0; i < count; ++i) {
    const auto part = unit_size(bytes.substr(std::min(size, bytes.size())));
    if (part == 0) return 0;
    size += part;
  }
  return size;
}

// Whether it is an array of three elements that begins with this word and the channel.
bool is_about_channel(std::string_view unit, std::string_view word) {
  const auto bulk = [](std::string_view text) {
    return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
  };
  return unit.starts_with("*3\r\n" + bulk(word) + bulk(channel));
}

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

// One connection, on its own thread.
class BusConnection {
 public:
  BusConnection(BusProxy& proxy, int near) : proxy_(proxy), near_(near) {
    far_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    for (const int socket : {near_, far_}) ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~BusConnection() {
    ::close(near_);
    ::close(far_);
  }

  void run() {
    const auto redis = loopback(proxy_.redis_port_);
    bool is_up = ::connect(far_, reinterpret_cast<const sockaddr*>(&redis), sizeof redis) == 0;
    while (is_up && !proxy_.stopping_) {
      pollfd ready[] = {{near_, POLLIN, 0}, {far_, POLLIN, 0}};
      ::poll(ready, 2, static_cast<int>(wait().count()));
      is_up = (ready[0].revents == 0 || read(near_, from_near_)) &&
              (ready[1].revents == 0 || read(far_, from_far_)) && take_units() && send_due();
    }
  }

 private:
  using Clock = BusProxy::Clock;
  enum class Answer { passes, is_kept_back, is_ours };

  std::chrono::milliseconds wait() const {
    if (due_.empty()) return poll_at_least;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due_.begin()->first - Clock::now());
    return std::clamp(left, std::chrono::milliseconds(0), poll_at_least);
  }

  static bool read(int socket, std::string& into) {
    char chunk[64 << 10];
    const auto n = ::recv(socket, chunk, sizeof chunk, 0);
    if (n > 0) into.append(chunk, static_cast<std::size_t>(n));
    return n > 0;
  }

  bool take_units() {
    bool is_up = true;
    for (std::size_t size = 0; is_up && (size = unit_size(from_near_)) != 0; from_near_.erase(0, size))
      is_up = on_command(from_near_.substr(0, size));
    for (std::size_t size = 0; is_up && (size = unit_size(from_far_)) != 0; from_far_.erase(0, size))
      is_up = on_reply(from_far_.substr(0, size));
    return is_up;
  }

  bool on_command(const std::string& unit) {
    if (!is_about_channel(unit, "PUBLISH")) {
      answers_.push_back(Answer::passes);
      return send_all(far_, unit);
    }
    answers_.push_back(Answer::is_ours);
    pass_on_later(far_, unit);
    return answer_ourselves();
  }

  // Everything sent to a subscriber is a push, or is forwarded like one.
  bool on_reply(const std::string& unit) {
    if (is_about_channel(unit, "message")) {
      pass_on_later(near_, unit);
      return true;
    }
    auto answer = Answer::passes;
    if (!answers_.empty()) {
      answer = answers_.front();
      answers_.pop_front();
    }
    return (answer == Answer::is_kept_back || send_all(near_, unit)) && answer_ourselves();
  }

  bool answer_ourselves() {
    for (; !answers_.empty() && answers_.front() == Answer::is_ours; answers_.pop_front()) {
      if (!send_all(near_, ":1\r\n")) return false;
    }
    return true;
  }

  void pass_on_later(int to, const std::string& unit) {
    for (const auto when : proxy_.draw()) due_.emplace(when, std::pair(to, unit));
  }

  bool send_due() {
    for (; !due_.empty() && due_.begin()->first <= Clock::now(); due_.erase(due_.begin())) {
      const auto& [to, unit] = due_.begin()->second;
      if (to == far_) answers_.push_back(Answer::is_kept_back);
      if (!send_all(to, unit)) return false;
    }
    return true;
  }

  BusProxy& proxy_;
  const int near_;
  int far_;
  std::string from_near_;
  std::string from_far_;
  std::deque<Answer> answers_;  // to commands that were forwarded to Redis, and to those that were not
  std::multimap<Clock::time_point, std::pair<int, std::string>> due_;
};

BusProxy::BusProxy(std::uint16_t redis_port, std::uint32_t seed, std::string address_text)
    : redis_port_(redis_port),
      address_(std::move(address_text)),
      random_(seed),
      acceptor_(
          [this](int near) { threads_.emplace_back([this, near] { BusConnection(*this, near).run(); }); }, 0,
          address_) {}

BusProxy::~BusProxy() {
  stopping_ = true;
  acceptor_.stop();
  for (auto& thread : threads_) thread.join();
}

void BusProxy::set(Faults faults) {
  const std::lock_guard lock(mutex_);
  faults_ = faults;
  set_at_ = Clock::now();
}

std::vector<BusProxy::Clock::time_point> BusProxy::draw() {
  const std::lock_guard lock(mutex_);
  const auto chance = [&](unsigned percent) { return random_() % 100 < percent; };
  const auto now = Clock::now();
  const auto whole = now + (now - set_at_) * faults_.growth.count() / 1000;
  const auto late = [&] {
    return whole + std::chrono::milliseconds(random_() % static_cast<unsigned>(faults_.at_most.count() + 1));
  };
  ++messages_;
  std::vector<Clock::time_point> times;
  if (!chance(faults_.lost)) times.push_back(chance(faults_.late) ? late() : whole);
  if (!times.empty() && chance(faults_.repeated)) times.push_back(late());
  if (times.size() != 1 || times.front() != now) ++harmed_;
  return times;
}

}  // namespace revoked::test
