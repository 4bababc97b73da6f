#include "tools/load/propagation.hpp"

#include <algorithm>
#include <deque>
#include <stdexcept>
#include <vector>

#include "tools/load/http_pipe.hpp"
#include "tools/load/schedule.hpp"

namespace revoked::load {
namespace {

struct Revoker {
  explicit Revoker(const Url& url) : pipe(url) {}
  HttpPipe pipe;
  std::deque<Clock::time_point> due;
};

struct Watched {
  std::uint64_t key = 0;
  Clock::time_point due;
};

struct Watcher {
  explicit Watcher(const Url& url) : pipe(url) {}
  HttpPipe pipe;
  Watched subject;
};

class PropagationRun {
 public:
  PropagationRun(const PropagationLoad& load, double rate)
      : load_(load),
        revocation_(load.revocations.url, load.revocations.request),
        check_(load.gateway, load.check),
        rate_(rate) {
    result_.revocations.expected = load.revocations.expected;
    for (std::uint32_t i = 0; i < load.revocations.connections; ++i) {
      revokers_.emplace_back(load.revocations.url);
      poller_.add(revokers_.back().pipe.socket(), i);
      free_revokers_.push_back(i);
    }
    for (std::uint32_t i = 0; i < load.watchers; ++i) {
      watchers_.emplace_back(load.gateway);
      poller_.add(watchers_.back().pipe.socket(), static_cast<std::uint32_t>(revokers_.size()) + i);
      free_watchers_.push_back(i);
    }
  }

  Propagation run() {
    auto& tally = result_.revocations;
    tally.began = tally.ended = last_progress_ = Clock::now();
    Schedule schedule(rate_, load_.revocations.seconds, tally.began);
    while (!schedule.is_over() || tally.unanswered() > 0 || watching() > 0) {
      for (auto now = Clock::now(); !free_revokers_.empty() && schedule.is_due(now);) revoke(schedule);
      const auto give_up = last_progress_ + patience;
      const auto& ready = poller_.wait(free_revokers_.empty() ? give_up : std::min(schedule.next(), give_up));
      if (Clock::now() > give_up) break;
      for (const auto number : ready) {
        number < revokers_.size() ? serve_revoker(number) : serve_watcher(number - revokers_.size());
      }
    }
    result_.never_denied = watching();
    return std::move(result_);
  }

 private:
  std::size_t watching() const { return watchers_.size() - free_watchers_.size() + waiting_.size(); }

  void revoke(Schedule& schedule) {
    auto& revoker = revokers_[free_revokers_.front()];
    free_revokers_.pop_front();
    const auto due = schedule.next();
    const auto order = schedule.take();
    const auto key = load_.revocations.first + order;
    revocation_.append(key, revoker.pipe.unsent());
    revoker.pipe.flush();
    revoker.due.push_back(due);
    ++result_.revocations.sent;
    last_progress_ = due;
    if (order % load_.watch_every == 0) watch(key, due);
  }

  // With all watchers busy a key waits for one, which finds the denial late. Leaving the key out would omit
  // exactly the worst cases.
  void watch(std::uint64_t key, Clock::time_point due) {
    ++result_.watched;
    waiting_.push_back({key, due});
    start_watching();
  }

  void start_watching() {
    for (; !free_watchers_.empty() && !waiting_.empty(); free_watchers_.pop_back(), waiting_.pop_front()) {
      auto& watcher = watchers_[free_watchers_.back()];
      watcher.subject = waiting_.front();
      ask(watcher);
    }
  }

  void ask(Watcher& watcher) {
    check_.append(watcher.subject.key, watcher.pipe.unsent());
    watcher.pipe.flush();
    ++result_.checks;
  }

  void serve_revoker(std::uint32_t number) {
    auto& revoker = revokers_[number];
    revoker.pipe.flush();
    revoker.pipe.receive([&](int status) {
      result_.revocations.count(status, revoker.due.front(), Clock::now());
      revoker.due.pop_front();
      free_revokers_.push_back(number);
      last_progress_ = result_.revocations.ended;
    });
  }

  void serve_watcher(std::size_t number) {
    auto& watcher = watchers_[number];
    watcher.pipe.flush();
    watcher.pipe.receive([&](int status) {
      if (status == 200) return ask(watcher);
      if (status != 403) throw std::runtime_error("the gateway answered " + std::to_string(status));
      last_progress_ = Clock::now();
      result_.denial.record(last_progress_ - watcher.subject.due);
      free_watchers_.push_back(static_cast<std::uint32_t>(number));
    });
    start_watching();
  }

  const PropagationLoad& load_;
  Request revocation_;
  Request check_;
  double rate_;
  std::vector<Revoker> revokers_;
  std::vector<Watcher> watchers_;
  std::deque<std::uint32_t> free_revokers_;
  std::vector<std::uint32_t> free_watchers_;
  std::deque<Watched> waiting_;
  Poller poller_;
  Propagation result_;
  Clock::time_point last_progress_;
};

}  // namespace

Propagation run_propagation(const PropagationLoad& load, double rate) {
  return PropagationRun(load, rate).run();
}

}  // namespace revoked::load
