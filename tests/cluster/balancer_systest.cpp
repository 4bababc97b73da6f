// Callers that know one address: HAProxy, with the configuration of docs/cluster.md, in front of engines that
// are restarted one by one, and killed.

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "tests/cluster/cluster.hpp"
#include "tests/support/example_proxy.hpp"

namespace revoked::test::balancer_systest {

using cluster::Clock;

class LoadBalancer {
 public:
  explicit LoadBalancer(const std::vector<std::unique_ptr<EngineProcess>>& engines) {
    auto text = read_file(source_directory() / "docs/cluster.md");
    constexpr std::string_view begins = "```haproxy\n";
    text.erase(0, text.find(begins) + begins.size());
    text.erase(text.find("```"));
    replace_once(text, "bind :7380", "bind 127.0.0.1:" + std::to_string(port()));
    for (std::size_t i = 0; i < engines.size(); ++i)
      replace_once(text, "10.0.0." + std::to_string(i + 1) + ":7385",
                   "127.0.0.1:" + std::to_string(engines[i]->port()));
    write_file(directory_ / "haproxy.cfg", text);
    process_.emplace(Process::Options{.command = {"haproxy", "-db", "-f", directory_ / "haproxy.cfg"},
                                      .log = directory_ / "haproxy.log"});
    if (!eventually([&] { return accepts_connections(port()) || !process_->is_running(); }) ||
        !process_->is_running())
      throw std::runtime_error(process_->description());
  }
  std::uint16_t port() const { return port_.number(); }

 private:
  TemporaryDirectory directory_;
  ReservedPort port_;
  std::optional<Process> process_;
};

// Threads that revoke keys through it for as long as it lives, each one request after the other.
class Callers {
 public:
  static constexpr std::size_t threads = 6;
  struct Failure {
    Clock::time_point begun, ended;
    std::string what;
  };

  Callers(const LoadBalancer& balancer, const std::string& master_key, const std::vector<CreatedKey>& keys)
      : keys_(keys) {
    for (std::size_t i = 0; i < threads; ++i)
      threads_.emplace_back(
          [this, port = balancer.port(), master_key] { run(HttpClient(port), master_key); });
  }
  ~Callers() { stop(); }

  void stop() {
    stopping_ = true;
    for (auto& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  std::size_t count() const { return count_; }
  std::vector<Failure> failures() const {
    const std::lock_guard lock(mutex_);
    return failures_;
  }
  // By key: the answer to the first request that was acknowledged.
  std::vector<Acknowledged> acknowledged() const {
    const std::lock_guard lock(mutex_);
    return acknowledged_;
  }

 private:
  void run(HttpClient client, const std::string& master_key) {
    client.add_header("Authorization", "Bearer " + master_key);
    while (!stopping_) {
      const auto number = next_++;
      const auto& key = keys_[number % keys_.size()];  // again: the same answer
      const auto begun = Clock::now();
      std::string what;
      HttpResponse answer;
      try {
        answer = revoke(client, key.key_id);
        if (answer.status != 200) what = std::to_string(answer.status) + " " + answer.body;
      } catch (const ConnectionFailed& failed) {
        what = failed.what();
        client.close();
      }
      const std::lock_guard lock(mutex_);
      if (!what.empty()) {
        failures_.push_back({begun, Clock::now(), key.key_id + ": " + what});
      } else {
        ++count_;
        if (number < keys_.size()) acknowledged_.push_back({key, position_of(answer), Clock::now()});
      }
    }
  }

  const std::vector<CreatedKey>& keys_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::size_t> next_ = 0, count_ = 0;
  mutable std::mutex mutex_;  // guards what follows
  std::vector<Failure> failures_;
  std::vector<Acknowledged> acknowledged_;
  std::vector<std::thread> threads_;
};

class BehindALoadBalancer : public testing::Test, protected cluster::EngineCluster {
 protected:
  explicit BehindALoadBalancer(std::chrono::seconds lease = cluster::lease)
      : EngineCluster({.lease = lease}) {}

  static bool goes_on(const Callers& callers) {
    const auto so_far = callers.count();
    return eventually([&] { return callers.count() > so_far + 100; });
  }

  const std::vector<CreatedKey> keys_ = create_keys(*engines_.front(), 1000);
  LoadBalancer balancer_{engines_};
};

class RestartsBehindALoadBalancer : public BehindALoadBalancer {
 protected:
  RestartsBehindALoadBalancer() : BehindALoadBalancer(cluster::long_lease) {}
};

TEST_F(RestartsBehindALoadBalancer, FailNoRequest) {
  Callers callers(balancer_, engines_.front()->master_key(), keys_);
  EXPECT_TRUE(goes_on(callers));
  for (int round = 0; round < 2; ++round) {
    for (auto& engine : engines_) {
      const auto role = role_of(*engine);
      EXPECT_EQ(engine->stop(), 0);
      EXPECT_TRUE(goes_on(callers));
      engine->start();
      EXPECT_TRUE(goes_on(callers));
      for (const auto& failure : callers.failures()) ADD_FAILURE() << role << ": " << failure.what;
      if (HasFailure()) return;
    }
  }
  callers.stop();
  std::cerr << callers.count() << " requests\n";
  expect_in_the_journal_once(callers.acknowledged());
}

TEST_F(BehindALoadBalancer, OnlyRequestsUnderWayFailWhenAnEngineIsKilled) {
  Callers callers(balancer_, engines_.front()->master_key(), keys_);
  EXPECT_TRUE(goes_on(callers));
  std::size_t earlier = 0;
  for (auto& engine : engines_) {
    engine->process().signal(SIGKILL);
    const auto killed = Clock::now();
    EXPECT_TRUE(goes_on(callers));
    EXPECT_TRUE(eventually([&] { return leader() != nullptr; }));
    if (Clock::now() - killed > cluster::soon_enough) GTEST_SKIP() << "no leader in time";
    EXPECT_TRUE(goes_on(callers));
    engine->start();
    EXPECT_TRUE(goes_on(callers));
    const auto failures = callers.failures();
    EXPECT_LE(failures.size() - earlier, Callers::threads);
    for (; earlier < failures.size(); ++earlier) {
      EXPECT_LE(failures[earlier].begun, killed) << failures[earlier].what;
      std::cerr << "under way: " << failures[earlier].what << "\n";
    }
  }
  callers.stop();
  std::cerr << callers.count() << " requests\n";
  expect_in_the_journal_once(callers.acknowledged());
}

}  // namespace revoked::test::balancer_systest
