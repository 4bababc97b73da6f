#include "tests/soak/load.hpp"

namespace revoked::soak {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto rest = 10ms;     // while the engine is down
constexpr auto patience = 10s;  // longer than any pause of the engine

}  // namespace

test::HttpClient impatient_client(const test::EngineProcess& engine) {
  test::HttpClient client(engine.port(), patience);
  client.add_header("Authorization", "Bearer " + engine.master_key());
  return client;
}

void Shared::note_position(engine::Position position, const std::string& of) {
  const std::lock_guard lock(mutex_);
  if (position.sequence == 0 || !positions_.insert(position.sequence).second)
    faults_ += of + " at " + to_string(position) + ", which was assigned before\n";
}

void Shared::fault(const std::string& what) {
  const std::lock_guard lock(mutex_);
  faults_ += what + "\n";
}

std::string Shared::faults() const {
  const std::lock_guard lock(mutex_);
  return faults_;
}

std::size_t Shared::changes() const {
  const std::lock_guard lock(mutex_);
  return positions_.size();
}

bool is_ready(test::HttpClient& client) {
  try {
    return client.get("/readyz").status == 200;
  } catch (const test::ConnectionFailed&) {
    return false;
  }
}

// ---- churn

Churn::Churn(const World& world, Shared& shared, const std::string& name, std::uint32_t seed)
    : world_(world), shared_(shared), name_(name), random_(seed), thread_([this] { run(); }) {}

void Churn::run() {
  const World::Stay stay(world_, World::engine_host);
  auto engine = impatient_client(*world_.engine);
  for (; !shared_.stopping; std::this_thread::sleep_for(pause)) {
    const auto user = name_ + "-" + std::to_string(++rounds_);
    living_.push_back({user, create(engine, user)});
    have_cached(living_.back().keys);
    if (living_.size() <= stock) continue;
    end(engine, living_.front().keys, living_.front().user);
    living_.pop_front();
  }
}

// Repeats a change until it is acknowledged.
test::HttpResponse Churn::insist(test::HttpClient& engine, std::string_view method, const std::string& target,
                                 const std::string& body) {
  while (!shared_.stopping) {
    try {
      auto response = engine.request(method, target, {}, body);
      if (response.status / 100 == 2) return response;
      if (response.status / 100 == 4) {
        shared_.fault(std::string(method) + " " + target + ": " + response.body);
        return {};
      }
    } catch (const test::ConnectionFailed&) {
      engine.close();
    }
    std::this_thread::sleep_for(rest);
  }
  return {};
}

// A key whose creation was not answered is not used.
std::vector<test::CreatedKey> Churn::create(test::HttpClient& engine, const std::string& user) {
  std::vector<test::CreatedKey> keys;
  for (std::size_t i = 0; i < keys_a_round; ++i) {
    const auto response = insist(engine, "POST", "/v1/keys", test::json_object({{"user", user}}));
    if (response.status == 0) break;
    keys.push_back({response.json()["key_id"].text(), response.json()["secret"].text()});
    shared_.note_position(test::position_of(response), "a creation");
  }
  return keys;
}

void Churn::have_cached(const std::vector<test::CreatedKey>& keys) {
  for (std::size_t i = 0; i < World::gateways; ++i) {
    const World::Stay stay(world_, World::first_gateway_host + i);
    test::HttpClient client(world_.gateway[i]->port(), glimpse);
    std::vector<std::string> requests;
    for (const auto& key : keys)
      requests.push_back(client.format("GET", "/check", {{"Authorization", "Bearer " + key.secret}}));
    try {
      test::exchange(client, requests, [](std::size_t, const test::HttpResponse&) {});
    } catch (const test::ConnectionFailed&) {
    }
  }
}

void Churn::end(test::HttpClient& engine, const std::vector<test::CreatedKey>& keys,
                const std::string& user) {
  const auto note = [&](const test::HttpResponse& response, const test::CreatedKey& key) {
    if (response.status != 0) shared_.revocations.add({key, test::position_of(response), Clock::now()});
  };
  const auto kind = random_() % 3;
  if (kind == 0) {
    for (const auto& key : keys) {
      const auto response = insist(engine, "DELETE", "/v1/keys/" + key.key_id);
      note(response, key);
      if (response.status != 0) shared_.note_position(test::position_of(response), "a revocation");
    }
    return;
  }
  std::string lines;
  for (const auto& key : keys) lines += test::json_object({{"key_id", key.key_id}}) + "\n";
  const auto response = kind == 1 ? insist(engine, "POST", "/v1/revocations", lines)
                                  : insist(engine, "DELETE", "/v1/users/" + user + "/keys");
  if (response.json()["failed_count"].number() != 0) shared_.fault("a bulk revocation: " + response.body);
  for (const auto& key : keys) note(response, key);
}

// ---- testimony

Testimony::Testimony(const World& world, Shared& shared, const std::string& name)
    : world_(world), shared_(shared), name_(name), thread_([this] { run(); }) {}

void Testimony::check(test::HttpClient& engine, test::Witness& witness) {
  try {
    const auto wrong = witness.check(engine, test::Witness::Run::this_one);
    if (!wrong.empty()) shared_.fault(wrong);
  } catch (const test::ConnectionFailed& failure) {
    shared_.fault("the engine does not answer: " + std::string(failure.what()));
  }
}

void Testimony::run() {
  const World::Stay stay(world_, World::engine_host);
  auto engine = impatient_client(*world_.engine);
  int rounds = rounds_of_a_witness;
  for (int seen_starts = 1, round = 0; !shared_.stopping; std::this_thread::sleep_for(pause)) {
    if (shared_.engine_starts != seen_starts) {
      const std::shared_lock lock(shared_.engine_is_up);
      seen_starts = shared_.engine_starts;
      engine.close();
      for (auto& witness : witnesses_) check(engine, witness);
    }
    if (rounds == rounds_of_a_witness) {
      rounds = 0;
      if (witnesses_.size() == kept) witnesses_.erase(witnesses_.begin());
      witnesses_.emplace_back(name_ + "-" + std::to_string(++witnesses_made_)).expect_others();
    }
    ++rounds;
    try {
      witnesses_.back().ask_for_everything(engine, name_ + "-" + std::to_string(++round));
    } catch (const test::ConnectionFailed&) {
    }
  }
}

void Testimony::check_all(test::HttpClient& engine) {
  for (auto& witness : witnesses_) check(engine, witness);
}

}  // namespace revoked::soak
