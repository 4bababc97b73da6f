#include "tests/support/revocation_load.hpp"

#include <optional>

namespace revoked::test {

namespace {

// The engine is down: leave the processor to its restart.
void rest() { std::this_thread::sleep_for(5ms); }

}  // namespace

// Of one thread: connections to the engines, and which one it asks.
class RevocationLoad::Client {
 public:
  explicit Client(const Options& options) : engines_(options.engines) {
    for (const auto& engine : engines_) clients_.push_back(engine.process->client(options.patience));
  }

  // Nothing: the outcome is unknown.
  std::optional<HttpResponse> ask(const std::function<HttpResponse(HttpClient&)>& request) {
    const auto& engine = engines_[at_];
    const Network::Stay stay(engine.network, engine.host);
    asked_ = at_;
    try {
      auto response = request(clients_[at_]);
      if (response.status / 100 != 5) return response;
    } catch (const ConnectionFailed&) {
      clients_[at_].close();
    }
    at_ = (at_ + 1) % clients_.size();
    return std::nullopt;
  }
  std::size_t asked() const { return engines_[asked_].number; }

 private:
  const std::vector<Engine>& engines_;
  std::vector<HttpClient> clients_;
  std::size_t at_ = 0;
  std::size_t asked_ = 0;
};

RevocationLoad::RevocationLoad(const EngineProcess& engine, std::vector<CreatedKey> keys, std::size_t threads,
                               Supply supply, std::chrono::milliseconds pause)
    : RevocationLoad(Options{.engines = {{.process = &engine}},
                             .keys = std::move(keys),
                             .threads = threads,
                             .supply = supply,
                             .pause = pause}) {}

RevocationLoad::RevocationLoad(Options options) : options_(std::move(options)) {
  for (std::size_t i = 0; i < options_.threads; ++i) threads_.emplace_back([this, i] { run(i); });
}

RevocationLoad::~RevocationLoad() { stop(); }

void RevocationLoad::stop() {
  stopping_ = true;
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void RevocationLoad::run(std::size_t first) {
  Client client(options_);
  const auto& keys = options_.keys;
  for (std::size_t i = first; i < keys.size() && !stopping_; i += options_.threads)
    revoke_surely(client, keys[i]);
  while (options_.supply == Supply::endless && !stopping_) {
    CreatedKey key;
    if (create_one(client, key)) {
      revoke_surely(client, key);
    } else {
      rest();
    }
  }
}

void RevocationLoad::revoke_surely(Client& client, const CreatedKey& key) {
  Change change{.key = key, .began = std::chrono::steady_clock::now()};
  bool is_answered = false;
  while (!stopping_ && !(is_answered = revoke_one(client, change))) rest();
  if (!is_answered) change.ended = std::chrono::steady_clock::now();
  if (options_.on_change) options_.on_change(change);
  if (options_.pause.count() != 0) std::this_thread::sleep_for(options_.pause);
}

// A key whose creation was not answered is not used: the next try creates another.
bool RevocationLoad::create_one(Client& client, CreatedKey& key) {
  Change change{.verb = Change::Verb::create, .key = {}, .began = std::chrono::steady_clock::now()};
  const auto response =
      client.ask([](HttpClient& http) { return http.request("POST", "/v1/keys", {}, "{}"); });
  change.ended = std::chrono::steady_clock::now();
  if (!response || response->status != 201) {
    ++failed_creations_;
    return false;
  }
  key = {response->json()["key_id"].text(), response->json()["secret"].text()};
  change.key = key;
  change.position = position_of(*response);
  change.engine = client.asked();
  if (options_.on_change) options_.on_change(change);
  return true;
}

bool RevocationLoad::revoke_one(Client& client, Change& change) {
  const auto response = client.ask([&](HttpClient& http) { return revoke(http, change.key.key_id); });
  change.engine = client.asked();
  if (!response) {
    ++unknown_;
    return false;
  }
  change.ended = std::chrono::steady_clock::now();
  if (response->status == 200) {
    change.position = position_of(*response);
    acknowledged_.add({change.key, change.position, change.ended});
  } else {
    const std::lock_guard lock(mutex_);
    surprises_.push_back(change.key.key_id + ": " + std::to_string(response->status) + " " + response->body);
  }
  return true;
}

std::vector<std::string> RevocationLoad::surprises() const {
  const std::lock_guard lock(mutex_);
  return surprises_;
}

std::size_t count_allowed(const GatewayProcess& gateway, const std::vector<CreatedKey>& keys) {
  HttpClient client = gateway.client();
  std::vector<std::string> requests;
  for (const auto& key : keys)
    requests.push_back(client.format("GET", "/check", {{"Authorization", "Bearer " + key.secret}}));
  std::size_t allowed = 0;
  exchange(client, requests,
           [&](std::size_t, const HttpResponse& response) { allowed += response.status == 200 ? 1 : 0; });
  return allowed;
}

}  // namespace revoked::test
