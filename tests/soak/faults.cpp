#include "tests/soak/faults.hpp"

#include <signal.h>

namespace revoked::soak {
namespace {

// Mostly longer than a lease.
constexpr int least_ms = 100;
constexpr int most_ms = 4000;
// Between two faults.
constexpr int least_pause_ms = 100;
constexpr int most_pause_ms = 1200;
// More events than fit into the space that the log has allocated ahead.
constexpr int locks_on_a_full_disk = 15'000;

constexpr test::BusProxy::Faults usual_harm{.lost = 3, .repeated = 3, .late = 3, .at_most = 300ms};
constexpr test::BusProxy::Faults much_harm{.lost = 25, .repeated = 20, .late = 40, .at_most = 3000ms};

}  // namespace

Faults::Faults(World& world, Shared& shared, std::uint32_t seed)
    : world_(world),
      shared_(shared),
      random_(seed),
      engine_is_stopped_(shared.engine_is_up, std::defer_lock) {
  world_.to_redis->set(usual_harm);
  world_.from_redis->set(usual_harm);
}

void Faults::tick(bool may_end_engine) {
  const auto now = Clock::now();
  while (!undo_.empty() && undo_.begin()->first <= now) {
    const auto undo = std::move(undo_.extract(undo_.begin()).mapped());
    undo.action();
    under_way_.erase(undo.kind);
  }
  if (now < next_) return;
  next_ = now + pick(least_pause_ms, most_pause_ms);
  make(may_end_engine);
}

void Faults::undo_all() {
  for (; !undo_.empty(); undo_.erase(undo_.begin())) undo_.begin()->second.action();
  under_way_.clear();
}

bool Faults::begin(const std::string& kind, const std::string& told_as) {
  if (!under_way_.insert(kind).second) return false;
  ++made_[told_as];
  return true;
}

void Faults::undo_later(const std::string& kind, std::function<void()> action) {
  undo_.emplace(Clock::now() + pick(least_ms, most_ms), Undo{kind, std::move(action)});
}

void Faults::make(bool may_end_engine) {
  switch (random_() % 12) {
    case 0:
      if (may_end_engine) restart_engine(true);
      break;
    case 1:
      if (may_end_engine && random_() % 3 == 0) restart_engine(false);
      break;
    case 2:
      stop_engine();
      break;
    case 3:
      take_redis_away(true);
      break;
    case 4:
      take_redis_away(false);
      break;
    case 5:
      stop_gateway();
      break;
    case 6:
      if (random_() % 3 == 0) restart_gateway();
      break;
    case 7:
      if (may_end_engine) fill_disk();
      break;
    case 8:
    case 9:
    case 10:
      cut_links();
      break;
    default:
      harm_bus();
  }
}

void Faults::restart_engine(bool is_killed) {
  if (engine_is_stopped_.owns_lock()) return;
  const std::unique_lock lock(shared_.engine_is_up);
  const World::Stay stay(world_, World::engine_host);
  ++made_[is_killed ? "engine killed" : "engine ended"];
  if (is_killed)
    world_.engine->kill();
  else if (world_.engine->stop() != 0)
    shared_.fault("a requested stop: " + world_.engine->process().description());
  world_.engine->start();
  ++shared_.engine_starts;
}

void Faults::stop_engine() {
  if (!begin("engine", "engine stopped")) return;
  engine_is_stopped_.lock();
  world_.engine->process().signal(SIGSTOP);
  undo_later("engine", [this] {
    world_.engine->process().signal(SIGCONT);
    engine_is_stopped_.unlock();
  });
}

// Ends the engine, unless too little is written.
void Faults::fill_disk() {
  if (!world_.disk->is_mounted() || !begin("engine", "disk filled")) return;
  engine_is_stopped_.lock();
  world_.disk->fill(64 << 10);
  const World::Stay stay(world_, World::engine_host);
  auto engine = world_.engine->client();
  std::vector<std::string> requests;
  for (int i = 0; i < locks_on_a_full_disk; ++i)
    requests.push_back(engine.format("PUT", "/v1/users/locked-" + std::to_string(i) + "/lock"));
  try {
    test::exchange(engine, requests, [](std::size_t, const test::HttpResponse&) {});
  } catch (const test::ConnectionFailed&) {
  }
  undo_later("engine", [this] { empty_disk(); });
}

void Faults::empty_disk() {
  world_.disk->empty();
  const World::Stay stay(world_, World::engine_host);
  auto engine = world_.engine->client();
  bool has_ended = false;
  const auto is_settled = [&] {
    has_ended = world_.engine->process().wait(0ms).has_value();
    return has_ended || is_ready(engine);
  };
  if (!test::eventually(is_settled)) shared_.fault("on a full disk the engine neither ends nor continues");
  if (has_ended) {
    ++made_["engine ended by a full disk"];
    world_.engine->start();
    ++shared_.engine_starts;
  }
  engine_is_stopped_.unlock();
}

void Faults::stop_gateway() {
  const auto one = random_() % World::gateways;
  const auto kind = "gateway " + std::to_string(one) + " stopped";
  if (!begin(kind, "gateway stopped")) return;
  world_.gateway[one]->process().signal(SIGSTOP);
  undo_later(kind, [this, one] { world_.gateway[one]->process().signal(SIGCONT); });
}

// Only the last one: the growth of the others is measured.
void Faults::restart_gateway() {
  const auto last = World::gateways - 1;
  ++made_["gateway killed"];
  const World::Stay stay(world_, World::first_gateway_host + last);
  world_.gateway[last]->kill();
  world_.gateway[last]->start();
}

void Faults::take_redis_away(bool is_killed) {
  if (!begin("Redis", is_killed ? "Redis killed" : "Redis stopped")) return;
  if (is_killed)
    world_.redis->kill();
  else
    world_.redis->pause();
  undo_later("Redis", [this, is_killed] {
    const World::Stay stay(world_, World::redis_host);
    if (is_killed)
      world_.redis->restart();
    else
      world_.redis->resume();
  });
}

void Faults::cut_links() {
  if (!world_.network || !begin("links cut")) return;
  std::vector<test::Network::Direction> cut;
  const auto maybe = [&](std::size_t a, std::size_t b) {
    if (random_() % 3 == 0) cut.push_back({a, b});
    if (random_() % 3 == 0) cut.push_back({b, a});
  };
  maybe(World::engine_host, World::redis_host);
  for (std::size_t i = 0; i < World::gateways; ++i) {
    maybe(World::first_gateway_host + i, World::engine_host);
    maybe(World::first_gateway_host + i, World::redis_host);
  }
  world_.network->cut(cut);
  undo_later("links cut", [this] { world_.network->mend(); });
}

void Faults::harm_bus() {
  if (!begin("bus harmed")) return;
  world_.to_redis->set(much_harm);
  world_.from_redis->set(much_harm);
  undo_later("bus harmed", [this] {
    world_.to_redis->set(usual_harm);
    world_.from_redis->set(usual_harm);
  });
}

}  // namespace revoked::soak
