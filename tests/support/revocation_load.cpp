#include "tests/support/revocation_load.hpp"

namespace revoked::test {

namespace {

// The engine is down: leave the processor to its restart.
void rest() { std::this_thread::sleep_for(5ms); }

}  // namespace

RevocationLoad::RevocationLoad(const EngineProcess& engine, std::vector<CreatedKey> keys, std::size_t threads,
                               Supply supply, std::chrono::milliseconds pause)
    : keys_(std::move(keys)), pause_(pause) {
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this, client = engine.client(), i, threads, supply]() mutable {
      run(std::move(client), i, threads, supply);
    });
  }
}

RevocationLoad::~RevocationLoad() { stop(); }

void RevocationLoad::stop() {
  stopping_ = true;
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void RevocationLoad::run(HttpClient client, std::size_t first, std::size_t step, Supply supply) {
  for (std::size_t i = first; i < keys_.size() && !stopping_; i += step) revoke_surely(client, keys_[i]);
  while (supply == Supply::endless && !stopping_) {
    CreatedKey key;
    if (create_one(client, key)) {
      revoke_surely(client, key);
    } else {
      rest();
    }
  }
}

void RevocationLoad::revoke_surely(HttpClient& client, const CreatedKey& key) {
  while (!stopping_ && !revoke_one(client, key)) rest();
  if (pause_.count() != 0) std::this_thread::sleep_for(pause_);
}

// A key whose creation was not answered is not used: the next try creates another.
bool RevocationLoad::create_one(HttpClient& client, CreatedKey& key) {
  HttpResponse response;
  try {
    response = client.request("POST", "/v1/keys", {}, "{}");
  } catch (const ConnectionFailed&) {
    return false;
  }
  if (response.status != 201) return false;
  key = {response.json()["key_id"].text(), response.json()["secret"].text()};
  return true;
}

bool RevocationLoad::revoke_one(HttpClient& client, const CreatedKey& key) {
  HttpResponse response;
  try {
    response = revoke(client, key.key_id);
  } catch (const ConnectionFailed&) {
    ++unknown_;
    return false;
  }
  if (response.status / 100 == 5) {
    ++unknown_;
    return false;
  }
  const auto now = std::chrono::steady_clock::now();
  if (response.status == 200) {
    acknowledged_.add({key, position_of(response), now});
  } else {
    const std::lock_guard lock(mutex_);
    surprises_.push_back(key.key_id + ": " + std::to_string(response.status) + " " + response.body);
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
