// Load, faults and observers, all at once, for a chosen time.
//   soak [--seconds N] [--seed S]
//
// Nothing acknowledged is lost, no position is repeated, no gateway allows a revoked key for longer than its
// lease or after a receipt says that it enforces the revocation, and at the end engine and gateways agree.
// The engine that runs from the middle on, and the gateways that are never restarted, use no more memory,
// descriptors and threads than their keys account for.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <iomanip>
#include <iostream>

#include "tests/soak/faults.hpp"
#include "tests/soak/figures.hpp"
#include "tests/soak/proof.hpp"
#include "tests/support/rounds.hpp"

namespace revoked::soak {
namespace {

using Clock = std::chrono::steady_clock;
using test::eventually;

std::chrono::seconds duration{60};
std::uint32_t seed = test::test_seed();

// From then on the engine is not restarted, and is compared with what it used then.
constexpr int engine_stays_from = 55;  // per cent of the time
constexpr int engine_base = 60;
constexpr int gateway_base = 50;

constexpr std::size_t bytes_a_key = 400;            // in all; for a gateway including the revocation
constexpr std::size_t engine_slack_kib = 48 << 10;  // the newest messages, and buffers of the index
constexpr std::size_t gateway_slack_kib = 8 << 10;
// The engine keeps the connections of a cut link for some time: those of the questions of three gateways.
constexpr std::size_t slack_descriptors = 16;
constexpr std::size_t slack_threads = 2;

// Also when an exception ends the test: releases what the threads wait for.
struct LetThreadsEnd {
  Shared& shared;
  Faults& faults;
  ~LetThreadsEnd() {
    shared.stopping = true;
    faults.undo_all();
  }
};

struct Sample {
  int percent;
  Figures engine;
  Figures gateways[World::gateways];
  std::size_t keys;  // at least that many have been created
};

class Soak : public testing::Test {
 protected:
  Soak() {
    for (std::size_t i = 0; i < World::gateways; ++i)
      observers_.push_back(
          std::make_unique<test::GatewayObserver>(world_.observed(i), shared_.revocations, lateness_));
  }
  ~Soak() override { shared_.stopping = true; }

  // Until all faults are undone, and all gateways are connected.
  void calm_down() {
    faults_.undo_all();
    for (std::size_t i = 0; i < World::gateways; ++i) {
      const World::Stay stay(world_, World::first_gateway_host + i);
      test::HttpClient client(world_.gateway[i]->port(), 1s);
      EXPECT_TRUE(eventually([&] { return is_ready(client); })) << world_.gateway[i]->log_text();
    }
    // A deliberate pause: nothing tells when the last connection of a cut link is closed, and buffers are
    // free.
    std::this_thread::sleep_for(1s);
  }

  void take_sample(int percent) {
    calm_down();
    Sample sample{percent, figures_of(world_.engine->process().pid()), {}, shared_.changes()};
    for (std::size_t i = 0; i < World::gateways; ++i)
      sample.gateways[i] = figures_of(world_.gateway[i]->process().pid());
    samples_.push_back(sample);
  }

  void run() {
    const auto begin = Clock::now();
    const auto at = [&](int percent) { return begin + duration * percent / 100; };
    for (const int percent : {10, gateway_base, engine_base, 100}) {
      for (; Clock::now() < at(percent); std::this_thread::sleep_for(10ms))
        faults_.tick(Clock::now() < at(engine_stays_from));
      take_sample(percent);
      if (const auto wrong = shared_.faults() + lateness_.violations(); !wrong.empty()) return;
    }
  }

  const Sample& sample(int percent) const {
    return *std::ranges::find_if(samples_, [&](const Sample& one) { return one.percent == percent; });
  }
  void expect_no_growth(const std::string& what, const Figures& before, const Figures& after,
                        std::size_t keys, std::size_t slack_kib) const {
    EXPECT_LE(after.memory_kib, before.memory_kib + slack_kib + keys * bytes_a_key / 1024) << what;
    EXPECT_LE(after.descriptors, before.descriptors + slack_descriptors) << what;
    EXPECT_LE(after.threads, before.threads + slack_threads) << what;
  }
  void expect_no_growth() const {
    const auto& end = sample(100);
    expect_no_growth("engine", sample(engine_base).engine, end.engine, end.keys - sample(engine_base).keys,
                     engine_slack_kib);
    for (std::size_t i = 0; i + 1 < World::gateways; ++i)
      expect_no_growth("gateway " + std::to_string(i), sample(gateway_base).gateways[i], end.gateways[i],
                       end.keys - sample(gateway_base).keys, gateway_slack_kib);
  }

  // After the load: every gateway has been asked about every key, and has the engine's position.
  void expect_agreement(test::HttpClient& engine) {
    const auto living = test::create_key(engine);
    const auto last = test::position_of(engine.get("/v1/invalidations"));
    for (std::size_t i = 0; i < World::gateways; ++i) {
      EXPECT_TRUE(eventually([&] { return observers_[i]->asked_late() == shared_.revocations.size(); }, 60s))
          << "gateway " << i;
      const World::Stay stay(world_, World::first_gateway_host + i);
      auto client = world_.gateway[i]->client();
      EXPECT_TRUE(eventually([&] { return test::position_of(client.get("/readyz")) >= last; }))
          << "gateway " << i;
      EXPECT_TRUE(eventually([&] { return test::check(client, living.secret).status == 200; }))
          << "gateway " << i;
    }
  }
  void expect_all_revoked(test::HttpClient& engine) {
    const auto revocations = shared_.revocations.all();
    std::vector<std::string> requests;
    for (const auto& one : revocations)
      requests.push_back(
          engine.format("POST", "/v1/keys/verify", {}, test::json_object({{"secret", one.key.secret}})));
    test::exchange(engine, requests, [&](std::size_t i, const test::HttpResponse& response) {
      if (response.json()["state"].text() != "revoked")
        shared_.fault(revocations[i].key.key_id + " is " + response.body + " after its revocation at " +
                      to_string(revocations[i].position));
    });
  }

  void show(engine::Position last) const;

  World world_{seed};
  Shared shared_;
  test::Lateness lateness_{World::lease};
  std::vector<std::unique_ptr<test::GatewayObserver>> observers_;
  Faults faults_{world_, shared_, seed + 2};
  std::vector<Sample> samples_;
  std::size_t asked_after_receipts_ = 0;
  std::size_t asked_after_leases_ = 0;
};

void Soak::show(engine::Position last) const {
  std::cout << "after " << duration.count() << " s: " << last.sequence << " events, "
            << shared_.revocations.size() << " revocations observed, " << shared_.engine_starts - 1
            << " restarts of the engine; a revoked key was allowed for at most " << lateness_.worst().count()
            << " ms (bound: " << lateness_.bound().count() << " ms)\n"
            << asked_after_receipts_ << " gateways asked that a receipt names, " << asked_after_leases_
            << " of them by lease\nfaults:";
  for (const auto& [kind, count] : faults_.made()) std::cout << "  " << kind << " " << count;
  std::cout << "\n" << std::setw(28) << "";
  for (const auto& one : samples_) std::cout << std::setw(9) << one.percent << " %";
  const auto row = [&](const std::string& name, const auto& of) {
    std::cout << "\n" << std::left << std::setw(28) << name << std::right;
    for (const auto& one : samples_) std::cout << std::setw(11) << of(one);
  };
  const auto rows = [&](const std::string& name, const auto& of) {
    row(name + " memory, KiB", [&](const Sample& one) { return of(one).memory_kib; });
    row(name + " files", [&](const Sample& one) { return of(one).files; });
    row(name + " descriptors", [&](const Sample& one) { return of(one).descriptors; });
    row(name + " threads", [&](const Sample& one) { return of(one).threads; });
  };
  rows("engine", [](const Sample& one) { return one.engine; });
  for (std::size_t i = 0; i < World::gateways; ++i)
    rows("gateway " + std::to_string(i), [i](const Sample& one) { return one.gateways[i]; });
  row("changes", [](const Sample& one) { return one.keys; });
  std::cout << std::endl;
}

TEST_F(Soak, EverythingAtOnce) {
  std::cout << "seed " << seed
            << (world_.network ? "" : "; no links are cut: " + std::string(test::Network::why_not))
            << std::endl;
  engine::Position last;
  {
    std::vector<std::unique_ptr<Churn>> churns;
    Testimony testimony(world_, shared_, "t");
    auto proof = std::make_unique<Proof>(world_, shared_, seed + 5);
    for (const std::uint32_t i : {1u, 2u})
      churns.push_back(std::make_unique<Churn>(world_, shared_, "churn" + std::to_string(i), seed + 2 + i));
    const LetThreadsEnd at_end{shared_, faults_};
    run();
    shared_.stopping = true;
    churns.clear();
    testimony.join();
    asked_after_receipts_ = proof->asked();
    asked_after_leases_ = proof->asked_by_lease();
    proof.reset();

    const World::Stay stay(world_, World::engine_host);
    world_.engine->kill();
    world_.engine->start();
    auto engine = world_.engine->client();
    testimony.check_all(engine);
    expect_all_revoked(engine);
    expect_agreement(engine);
    last = test::position_of(engine.get("/v1/invalidations"));
  }
  show(last);
  EXPECT_EQ(shared_.faults(), "");
  EXPECT_EQ(lateness_.violations(), "");
  EXPECT_GT(lateness_.allowed(), 0u) << "nothing was cached: the test is void";
  EXPECT_GT(asked_after_receipts_, 0u);
  if (!HasFailure()) expect_no_growth();
}

}  // namespace
}  // namespace revoked::soak

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; i += 2) {
    const bool is_seconds = std::strcmp(argv[i], "--seconds") == 0;
    const bool is_seed = std::strcmp(argv[i], "--seed") == 0;
    if (i + 1 == argc || (!is_seconds && !is_seed)) {
      std::cerr << "usage: soak [--seconds N] [--seed S]\n";
      return 2;
    }
    const auto number = std::strtoul(argv[i + 1], nullptr, 10);
    if (is_seconds) revoked::soak::duration = std::chrono::seconds(number);
    if (is_seed) revoked::soak::seed = static_cast<std::uint32_t>(number);
  }
  return RUN_ALL_TESTS();
}
