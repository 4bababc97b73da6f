// Engines, PostgreSQL and gateways on separate hosts, under load, with faults drawn at random: what clients
// saw is checked against the journal after each round.

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <thread>

#include "tests/cluster/faults.hpp"
#include "tests/cluster/history.hpp"
#include "tests/support/gateway_observer.hpp"
#include "tests/support/revocation_load.hpp"
#include "tests/support/rounds.hpp"

namespace revoked::test::rounds_systest {

using cluster::Clock;
using cluster::Fault;
using cluster::FaultyCluster;
using cluster::lease;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr unsigned usual_rounds = 10;
constexpr std::size_t gateways = 2;
constexpr std::chrono::milliseconds stale_after[gateways] = {3s, 30s};
constexpr std::size_t patient = 1;  // the last gateway: it outlasts each time without a current engine
constexpr std::size_t keys_of_a_load = 100;
constexpr auto between_changes = 10ms;
constexpr auto between_questions = 20ms;
// Denials of a gateway that was told of a change which never became durable, until another engine answers.
constexpr int while_it_starts_afresh = 5;
// A client that asks any engine goes on with the next one after that.
constexpr auto patience = 500ms;

// With gateways and observers. What its clients do is recorded.
class World : public FaultyCluster {
 public:
  explicit World(unsigned seed) : FaultyCluster(gateways, seed) {
    for (std::size_t i = 0; i < gateways; ++i) {
      const auto stay = stay_at(host_of_gateway(i));
      gateways_.push_back(std::make_unique<GatewayProcess>(
          *engines_.front(), gateway_options(std::to_string(stale_after[i].count()) + "ms", i)));
    }
    for (std::size_t i = 0; i < engines_.size(); ++i)
      observe({.name = "engine " + std::to_string(i),
               .network = network(),
               .host = host_of_engine(i),
               .engine = engines_[i].get()},
              i, lease);
    for (std::size_t i = 0; i < gateways; ++i)
      observe({.name = "gateway " + std::to_string(i),
               .port = gateways_[i]->port(),
               .network = network(),
               .host = host_of_gateway(i)},
              {}, stale_after[i]);
    {
      const auto stay = stay_at(any("leader"));
      auto client = any("leader").client();
      alive_ = create_key(client);
    }
    for (std::size_t i = 0; i < gateways; ++i) watching_[i] = std::thread([this, i] { watch(i); });
  }
  ~World() {
    stopping_ = true;
    for (auto& each : watching_) each.join();
  }

  // They begin with keys that all engines know, also those that are cut off later.
  RevocationLoad::Options load_at(std::size_t engine) {
    std::vector<CreatedKey> keys;
    EXPECT_TRUE(eventually([&] {
      auto& maker = any("leader");
      const auto stay = stay_at(maker);
      try {
        keys = create_keys(maker, keys_of_a_load);
      } catch (const std::runtime_error&) {
      }
      return !keys.empty();
    }));
    return {.engines = {load_engine(engine)},
            .keys = std::move(keys),
            .pause = between_changes,
            .on_change = recording()};
  }
  RevocationLoad::Options load_at_any() {
    auto options = load_at(0);
    options.patience = patience;
    for (std::size_t i = 1; i < engines_.size(); ++i) options.engines.push_back(load_engine(i));
    return options;
  }
  std::size_t size() const { return engines_.size(); }

  bool is_whole() const {
    const auto leaders =
        std::ranges::count_if(engines_, [this](auto& each) { return role_of(*each) == "leader"; });
    const auto followers =
        std::ranges::count_if(engines_, [this](auto& each) { return role_of(*each) == "follower"; });
    if (leaders != 1 || leaders + followers != static_cast<std::ptrdiff_t>(size())) return false;
    for (std::size_t i = 0; i < gateways; ++i) {
      const auto stay = stay_at(host_of_gateway(i));
      if (gateways_[i]->client().get("/readyz").status != 200) return false;
    }
    return true;
  }
  // The end of each.
  std::string logs() const {
    std::string text;
    const auto add = [&text](const std::string& name, const std::string& log) {
      constexpr std::size_t shown = 40'000;
      text += name + ":\n" + (log.size() > shown ? log.substr(log.size() - shown) : log);
    };
    for (std::size_t i = 0; i < engines_.size(); ++i)
      add("engine " + std::to_string(i) + " " + role_of(*engines_[i]), engines_[i]->log_text());
    for (std::size_t i = 0; i < gateways; ++i) add("gateway " + std::to_string(i), gateways_[i]->log_text());
    return text;
  }

  std::vector<std::string> violations() {
    return cluster::violations(recorder_.history(), cluster::read_journal(pair_.primary()));
  }
  // Until each observer has asked for each revocation after the time at which it must be denied; but for the
  // patient gateway, which would take too long.
  bool has_asked_late() const {
    return std::all_of(observers_.begin(), observers_.end() - 1, [this](auto& each) {
      return each->asked_late() == recorder_.acknowledgements().size();
    });
  }
  // How often it has denied a key that lives, since it was stale.
  int stale(std::size_t gateway) const { return stale_[gateway]; }
  std::string counts() const {
    std::size_t checks = 0;
    for (const auto& each : observers_) checks += each->checks();
    const auto history = recorder_.history();
    return std::to_string(history.changes.size()) + " changes, " + std::to_string(checks) + " questions, " +
           std::to_string(history.allowed.size()) + " allowed after an acknowledgement elsewhere";
  }

 private:
  std::size_t host_of_gateway(std::size_t gateway) const { return first_free_host() + gateway; }
  RevocationLoad::Engine load_engine(std::size_t engine) const {
    return {engines_[engine].get(), engine, network(), host_of_engine(engine)};
  }
  std::function<void(const Change&)> recording() {
    return [this](const Change& change) { recorder_.add(change); };
  }
  void observe(GatewayObserver::Options options, std::optional<std::size_t> engine, milliseconds bound) {
    auto& lateness = latenesses_.emplace_back(std::make_unique<Lateness>(bound));
    options.pause = between_questions;
    // An engine's proof is by the clock of all engines here; a gateway relates one clock to another.
    const auto longest = engine ? bound : lateness->bound();
    options.on_allowed = [this, name = options.name, engine, longest](const Acknowledged& one,
                                                                      const GatewayObserver::Answer& answer) {
      recorder_.add(cluster::Allowed{name, engine, one.key.key_id, answer.asked, longest, answer.as_of,
                                     answer.is_of_leader});
    };
    observers_.push_back(
        std::make_unique<GatewayObserver>(std::move(options), recorder_.acknowledgements(), *lateness));
  }
  void watch(std::size_t gateway) {
    const auto stay = stay_at(host_of_gateway(gateway));
    auto client = gateways_[gateway]->client();
    for (; !stopping_; std::this_thread::sleep_for(between_questions)) {
      try {
        stale_[gateway] += check(client, alive_.secret).status == 503 ? 1 : 0;
      } catch (const ConnectionFailed&) {
        client.close();
      }
    }
  }

  cluster::Recorder recorder_;
  CreatedKey alive_;
  std::vector<std::unique_ptr<GatewayProcess>> gateways_;
  std::vector<std::unique_ptr<Lateness>> latenesses_;
  std::vector<std::unique_ptr<GatewayObserver>> observers_;
  std::atomic<bool> stopping_ = false;
  std::array<std::atomic<int>, gateways> stale_{};
  std::array<std::thread, gateways> watching_;
};

// Of sorted times, at least one.
milliseconds percentile(const std::vector<milliseconds>& times, std::size_t percent) {
  return times[std::min(times.size() - 1, times.size() * percent / 100)];
}

// How long nobody could revoke, for each fault.
class Silences {
 public:
  void add(const Fault& fault, Clock::duration time) {
    const auto rounded = duration_cast<milliseconds>(time);
    by_name_[fault.name].push_back(rounded);
    if (fault.takes == Fault::Takes::lead) of_lost_leads_.push_back(rounded);
    if (fault.takes != Fault::Takes::database) with_a_database_.push_back(rounded);
  }
  void print() {
    std::cout << "no revocation succeeded for (p50, p99 in ms):\n";
    for (auto& [name, times] : by_name_) print(name, times);
    print("every fault that takes the lead", of_lost_leads_);
    print("every fault that leaves the database", with_a_database_);
  }
  // With faults that take the lead.
  milliseconds p50() { return of(of_lost_leads_, 50); }
  milliseconds p99() { return of(of_lost_leads_, 99); }

 private:
  static milliseconds of(std::vector<milliseconds>& times, std::size_t percent) {
    std::ranges::sort(times);
    return times.empty() ? 0ms : percentile(times, percent);
  }
  static void print(const std::string& name, std::vector<milliseconds>& times) {
    std::cout << "  " << name << ", " << times.size() << " times: " << of(times, 50).count() << ", "
              << of(times, 99).count() << "\n";
  }

  std::map<std::string, std::vector<milliseconds>> by_name_;
  std::vector<milliseconds> of_lost_leads_, with_a_database_;
};

TEST(ClusterRounds, P16FencedUnderRandomFaults) {
  if (!Network::is_permitted()) GTEST_SKIP() << Network::why_not;
  const auto seed = test_seed();
  std::cout << "REVOKED_TEST_SEED=" << seed << "\n";
  World world(seed);
  Silences silences;
  for (unsigned round = 0; round < usual_rounds * test_rounds(); ++round) {
    ASSERT_TRUE(eventually([&] { return world.is_whole(); }, 60s)) << world.logs();
    const auto fault = world.draw();
    SCOPED_TRACE("round " + std::to_string(round) + ": " + fault.name);
    std::vector<std::unique_ptr<RevocationLoad>> loads;
    loads.push_back(std::make_unique<RevocationLoad>(world.load_at_any()));
    for (std::size_t i = 0; i < world.size(); ++i)
      loads.push_back(std::make_unique<RevocationLoad>(world.load_at(i)));
    const auto& of_any = *loads.front();
    const auto all_go_on = [&] {
      std::vector<std::size_t> before;
      for (const auto& load : loads) before.push_back(load->count());
      return eventually(
          [&] {
            for (std::size_t i = 0; i < loads.size(); ++i) {
              if (loads[i]->count() < before[i] + 5) return false;
            }
            return true;
          },
          60s);
    };
    ASSERT_TRUE(all_go_on()) << world.logs();
    const auto stale_before = world.stale(patient), stale_here = world.stale(0);

    const auto began = Clock::now();
    fault.begin();
    std::this_thread::sleep_for(world.draw_time(fault.least));
    fault.end();
    ASSERT_TRUE(eventually([&] { return world.is_whole(); }, 60s)) << world.logs();
    ASSERT_TRUE(all_go_on()) << world.logs();
    const auto silence = cluster::longest_silence(of_any.acknowledged(), began, Clock::now());
    silences.add(fault, silence);
    std::cout << "round " << round << ", " << fault.name << ": "
              << duration_cast<milliseconds>(silence).count() << " ms, "
              << duration_cast<milliseconds>(Clock::now() - began).count() << " ms in all, "
              << world.stale(0) - stale_here << " times stale" << std::endl;
    for (const auto& load : loads) load->stop();
    for (const auto& load : loads) EXPECT_THAT(load->surprises(), testing::IsEmpty());
    // Without the database no engine is current for a while, and a gateway that starts afresh must ask one.
    if (fault.takes != Fault::Takes::database) {
      EXPECT_LE(world.stale(patient) - stale_before, while_it_starts_afresh) << "with a current engine";
      if (tests_everything()) {
        EXPECT_LE(world.stale(0) - stale_here, while_it_starts_afresh) << "with a current engine";
      }
    }
    ASSERT_THAT(world.violations(), testing::IsEmpty()) << world.logs();
  }
  EXPECT_TRUE(eventually([&] { return world.has_asked_late(); }, 60s));
  EXPECT_THAT(world.violations(), testing::IsEmpty());
  std::cout << world.counts() << "\n";
  silences.print();
  // With two processors that other tests use as well, one number says little.
  EXPECT_LE(silences.p50(), tests_everything() ? lease + lease / 2 : 5 * lease);
  EXPECT_LE(silences.p99(), tests_everything() ? 3 * lease + 1s : 15 * lease);
}

}  // namespace revoked::test::rounds_systest
