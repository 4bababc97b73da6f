#include "tests/soak/proof.hpp"

namespace revoked::soak {
namespace {

constexpr auto pause = 20ms;

std::optional<std::size_t> number_of(const std::string& name) {
  for (std::size_t i = 0; i < World::gateways; ++i) {
    if (name == "gateway-" + std::to_string(i)) return i;
  }
  return {};
}

}  // namespace

Proof::Proof(const World& world, Shared& shared, std::uint32_t seed)
    : world_(world), shared_(shared), random_(seed), thread_([this] { run(); }) {}

void Proof::run() {
  const World::Stay stay(world_, World::engine_host);
  auto engine = impatient_client(*world_.engine);
  for (; !shared_.stopping; std::this_thread::sleep_for(pause)) {
    try {
      prove(engine);
    } catch (const std::exception&) {  // not answered: nothing is proven
      engine.close();
    }
  }
}

void Proof::prove(test::HttpClient& engine) {
  const auto key = test::create_key(engine);
  for (std::size_t i = 0; i < World::gateways; ++i) {
    const World::Stay stay(world_, World::first_gateway_host + i);
    test::HttpClient gateway(world_.gateway[i]->port(), glimpse);
    try {
      test::check(gateway, key.secret);
    } catch (const test::ConnectionFailed&) {
    }
  }
  const auto wait = std::to_string(random_() % 3);
  const auto revoked = engine.request("DELETE", "/v1/keys/" + key.key_id, {{"Prefer", "wait=" + wait}});
  if (revoked.status != 200) return;
  const auto receipt = engine.get("/v1/receipts/" + to_string(test::position_of(revoked)));
  if (receipt.status == 200) ask_each(receipt.json(), key);
}

void Proof::ask_each(const test::Json& receipt, const test::CreatedKey& key) {
  const auto gateways = receipt["gateways"];
  for (const auto& each : gateways.items()) {
    const auto number = number_of(each["name"].text());
    if (!number) continue;
    const World::Stay stay(world_, World::first_gateway_host + *number);
    test::HttpClient gateway(world_.gateway[*number]->port(), glimpse);
    try {
      const auto answer = test::check(gateway, key.secret);
      ++asked_;
      if (each["by"].text() == "lease") ++asked_by_lease_;
      if (answer.status == 200) {
        shared_.fault(each["name"].text() + " allows a key that it enforces by " + each["by"].text() +
                      " since " + each["at"].text() + ": " + receipt["position"].text());
      }
    } catch (const test::ConnectionFailed&) {
    }
  }
}

}  // namespace revoked::soak
