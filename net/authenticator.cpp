#include "net/authenticator.hpp"

namespace revoked::net {

std::string_view credential_of(const Request& request) {
  constexpr std::string_view scheme = "Bearer ";
  auto value = request[Header::authorization];
  if (value.size() > scheme.size() && equal_ignoring_case(value.substr(0, scheme.size()), scheme)) {
    value.remove_prefix(scheme.size());
    while (value.starts_with(' ')) value.remove_prefix(1);
    return value;
  }
  return request[Header::x_api_key];
}

Authenticator::Authenticator(const engine::Engine& engine, const std::vector<std::string>& master_keys)
    : engine_(engine) {
  for (const auto& key : master_keys) master_digests_.push_back(engine::sha256(key));
}

std::optional<engine::Principal> Authenticator::authenticate(const Request& request) const {
  const auto credential = credential_of(request);
  if (credential.empty() || credential.size() > engine::max_secret_size) return {};
  const auto digest = engine::sha256(credential);
  bool is_master = false;
  for (const auto& master : master_digests_) is_master |= engine::equal_in_constant_time(master, digest);
  if (is_master) return engine::Principal{true, {}, {}, "master"};

  thread_local engine::Decision decision;
  if (!engine_.verify(engine_.digester()(credential), engine::now_unix_ms(), decision)) return {};
  return engine::principal_of(decision);
}

}  // namespace revoked::net
