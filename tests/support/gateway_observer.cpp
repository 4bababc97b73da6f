#include "tests/support/gateway_observer.hpp"

#include <algorithm>

namespace revoked::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto patience = 500ms;      // for the answer of a gateway that may be stopped or disconnected
constexpr std::size_t young = 12;     // in a round, the newest ones
constexpr std::size_t in_a_row = 12;  // in a round, the next ones without a late check yet
constexpr std::size_t old = 8;        // in a round, any

}  // namespace

GatewayObserver::GatewayObserver(Options options, const Acknowledgements& revocations, Lateness& lateness)
    : options_(std::move(options)),
      revocations_(revocations),
      lateness_(lateness),
      thread_([this] { run(); }) {}

GatewayObserver::~GatewayObserver() {
  stopping_ = true;
  thread_.join();
}

void GatewayObserver::run() {
  std::optional<Network::Stay> stay;
  if (options_.network != nullptr) stay.emplace(*options_.network, options_.host);
  auto client =
      options_.engine == nullptr ? HttpClient(options_.port, patience) : options_.engine->client(patience);
  for (; !stopping_; std::this_thread::sleep_for(options_.pause)) {
    revocations_.read_on(known_);
    const auto chosen = choose();
    try {
      if (!chosen.empty()) ask(client, chosen);
    } catch (const ConnectionFailed&) {
      client.close();
    }
  }
}

// Indexes of `known_`, sorted.
std::vector<std::size_t> GatewayObserver::choose() {
  std::vector<std::size_t> chosen;
  const auto size = known_.size();
  for (std::size_t i = size - std::min(size, young); i < size; ++i) chosen.push_back(i);
  for (std::size_t i = asked_late_; i < std::min(size, asked_late_ + in_a_row); ++i) chosen.push_back(i);
  for (std::size_t i = 0; i < std::min(size, old); ++i) chosen.push_back(next_old_++ % size);
  std::ranges::sort(chosen);
  const auto repeated = std::ranges::unique(chosen);
  chosen.erase(repeated.begin(), repeated.end());
  return chosen;
}

std::string GatewayObserver::question(const HttpClient& client, const CreatedKey& key) const {
  return options_.engine == nullptr
             ? client.format("GET", "/check", {{"Authorization", "Bearer " + key.secret}})
             : client.format("POST", "/v1/keys/verify", {}, json_object({{"secret", key.secret}}));
}

bool GatewayObserver::allows(const HttpResponse& answer) const {
  return answer.status == 200 && (options_.engine == nullptr || answer.json()["active"].is_true());
}

// The answer to the question for that.
bool GatewayObserver::leads(HttpClient& client) const {
  if (options_.engine == nullptr) return false;
  const auto ready = client.receive();
  return ready.status == 200 && ready.json()["role"].text() == "leader";
}

void GatewayObserver::ask(HttpClient& client, const std::vector<std::size_t>& chosen) {
  std::string burst;
  for (const auto i : chosen) burst += question(client, known_[i].key);
  const auto role = options_.engine == nullptr ? std::string() : client.format("GET", "/readyz");
  const auto asked = Clock::now();
  client.send(role + burst + role);
  const bool led = leads(client);
  std::vector<std::pair<std::size_t, Answer>> allowed;
  for (const auto i : chosen) {
    const auto response = client.receive();
    ++checks_;
    if (allows(response)) {
      lateness_.allowed(options_.name, known_[i], asked);
      const auto as_of =
          options_.engine == nullptr ? std::nullopt : engine::parse_position(response.json()["as_of"].text());
      allowed.emplace_back(i, Answer{asked, as_of.value_or(engine::Position{})});
    }
    if (i == asked_late_ && asked > known_[i].at + lateness_.bound()) ++asked_late_;
  }
  const bool still_leads = leads(client);
  for (auto& [i, answer] : allowed) {
    answer.is_of_leader = led && still_leads;
    if (options_.on_allowed) options_.on_allowed(known_[i], answer);
  }
}

}  // namespace revoked::test
