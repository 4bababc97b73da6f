#include "tools/load/watch_load.hpp"

#include <array>
#include <stdexcept>

#include "tools/load/http_load.hpp"
#include "tools/load/http_pipe.hpp"

namespace revoked::load {
namespace {

constexpr std::uint64_t opened_together = 500;  // requests without an answer

// One held answer.
struct Held {
  explicit Held(Socket socket_) : socket(std::move(socket_)) {}
  Socket socket;
  std::string received;
  bool is_open = false;
  bool is_told = false;
};

class WatchRun {
 public:
  explicit WatchRun(const WatchLoad& load)
      : load_(load),
        check_(load.gateway, load.check),
        revoke_one_(load.engine, load.revoke_one),
        revoke_all_(load.engine, load.revoke_all),
        checker_(load.gateway),
        revoker_(load.engine),
        checker_number_(static_cast<std::uint32_t>(load.watches)) {
    held_.reserve(load.watches);
    poller_.add(checker_.socket(), checker_number_);
    poller_.add(revoker_.socket(), checker_number_ + 1);
  }

  WatchTimes run(const std::function<void()>& before_revoking) {
    open();
    before_revoking();
    for (std::uint64_t i = 0; i < load_.singles; ++i) revoke(revoke_one_, i, i + 1, result_.one);
    revoke(revoke_all_, load_.singles, load_.watches, result_.all);
    return result_;
  }

 private:
  void open() {
    const auto began = Clock::now();
    Request watch(load_.gateway, load_.watch);
    for (std::uint64_t i = 0; i < load_.watches; ++i) {
      auto& held = held_.emplace_back(Socket::connect(load_.gateway));
      std::string request;
      watch.append(load_.first + i, request);
      held.socket.send_all(request);
      held.socket.set_nonblocking();
      poller_.add(held.socket, static_cast<std::uint32_t>(i));
      while (held_.size() - open_ > opened_together) receive(Clock::now() + patience);
    }
    while (open_ < held_.size()) receive(Clock::now() + patience);
    result_.open_seconds = std::chrono::duration<double>(Clock::now() - began).count();
  }

  // The keys from `begin` up to `end`; the first of them is checked.
  void revoke(Request& revocation, std::uint64_t begin, std::uint64_t end, Latency& latency) {
    checked_ = load_.first + begin;
    is_denied_ = false;
    denied_ = {};
    told_.clear();
    check();
    while (denied_ == Clock::time_point()) receive(Clock::now() + patience);
    revocation.append(load_.first + begin, revoker_.unsent());
    revoker_.flush();
    while (!is_denied_ || told_.size() < end - begin) receive(Clock::now() + patience);
    for (const auto at : told_) latency.record(std::max(at - denied_, Clock::duration(0)));
  }

  void check() {
    check_sent_ = Clock::now();
    check_.append(checked_, checker_.unsent());
    checker_.flush();
  }

  void receive(Clock::time_point until) {
    const auto& ready = poller_.wait(until);
    if (ready.empty() && Clock::now() >= until) throw std::runtime_error("a watcher was not told");
    for (const auto number : ready) {
      if (number < held_.size()) {
        receive(held_[number]);
      } else if (number == checker_number_) {
        checker_.flush();
        checker_.receive([&](int status) { on_check(status); });
      } else if (number == checker_number_ + 1) {
        revoker_.flush();
        revoker_.receive([](int status) {
          if (status != 200) throw std::runtime_error("the engine answered " + std::to_string(status));
        });
      }
    }
  }

  void on_check(int status) {
    if (status == 200) {
      denied_ = check_sent_;
      return check();
    }
    if (status != 403 || denied_ == Clock::time_point())
      throw std::runtime_error("the gateway answered " + std::to_string(status));
    is_denied_ = true;
  }

  void receive(Held& held) {
    if (held.is_told) return;  // the end of the answer
    std::array<char, 1024> bytes;
    while (const auto size = held.socket.receive_some(bytes)) {
      held.received.append(bytes.data(), size);
      if (size < bytes.size()) break;
    }
    if (!held.is_open && held.received.find("retry:") != std::string::npos) {
      if (!held.received.starts_with("HTTP/1.1 200")) throw std::runtime_error(held.received);
      held.is_open = true;
      ++open_;
    }
    held.is_told = held.is_open && held.received.find("event: denied") != std::string::npos;
    if (held.is_told) told_.push_back(Clock::now());
    if (held.is_open && !held.is_told) held.received = std::string();
  }

  const WatchLoad& load_;
  Request check_;
  Request revoke_one_;
  Request revoke_all_;
  HttpPipe checker_;
  HttpPipe revoker_;
  const std::uint32_t checker_number_;
  Poller poller_;
  std::vector<Held> held_;
  std::uint64_t open_ = 0;

  // Of the present revocation.
  std::uint64_t checked_ = 0;
  Clock::time_point check_sent_;
  Clock::time_point denied_;  // not before this
  bool is_denied_ = false;
  std::vector<Clock::time_point> told_;

  WatchTimes result_;
};

}  // namespace

WatchTimes run_watches(const WatchLoad& load, const std::function<void()>& before_revoking) {
  return WatchRun(load).run(before_revoking);
}

}  // namespace revoked::load
