#include "net/auth/authenticator.hpp"

#include "net/http/log.hpp"

namespace revoked::net {
namespace {

// A thread usually sees the same caller repeatedly: its credential need not be hashed each time. The digest
// is looked up each time all the same.
const engine::Digest& sha256_of(std::string_view credential) {
  thread_local std::string last;
  thread_local engine::Digest digest{};
  if (last.empty() || !engine::equal_in_constant_time(last, credential)) {
    digest = engine::sha256(credential);
    last = credential;
  }
  return digest;
}

engine::Principal master() { return {true, {}, {}, "master", engine::ActorKind::master_key}; }

engine::Principal bearer_of_token(const Claims& claims) {
  return {false, claims.permissions, {claims.limits}, claims.actor, engine::ActorKind::token, claims.issuer};
}

}  // namespace

Authenticator::Authenticator(const engine::Engine& engine, const std::vector<std::string>& master_keys)
    : Authenticator(engine, std::make_unique<const MasterKeys>(master_keys), nullptr) {}

Authenticator::Authenticator(const engine::Engine& engine, std::unique_ptr<const MasterKeys> master_keys,
                             std::unique_ptr<const JwtVerifier> tokens)
    : engine_(engine), master_keys_(std::move(master_keys)), tokens_(std::move(tokens)) {}

std::optional<engine::Principal> Authenticator::authenticate(const Presented& presented,
                                                             Evidence* evidence) const {
  using engine::ActorKind;
  const auto& [credential, kinds] = presented;
  const auto known_by = [evidence](ActorKind kind, const engine::Digest& digest,
                                   std::shared_ptr<const Claims> claims = nullptr) {
    if (evidence != nullptr) *evidence = {kind, digest, std::move(claims)};
  };
  if (credential.empty()) return {};
  if (kinds.token && tokens_ && looks_like_jwt(credential)) {
    if (auto claims = claims_of(credential)) {
      auto principal = bearer_of_token(*claims);
      known_by(ActorKind::token, {}, std::move(claims));
      return principal;
    }
    // An imported secret may look like a token.
  }
  if (!engine::is_secret(credential)) return {};
  const auto& sha256 = sha256_of(credential);
  if (kinds.master_key && master_keys_->contains(sha256)) {
    known_by(ActorKind::master_key, sha256);
    return master();
  }
  if (!kinds.api_key) return {};
  const auto digest = engine_.digester().of_sha256(sha256);
  auto principal = holder_of(digest);
  if (principal) known_by(ActorKind::key, digest);
  return principal;
}

std::optional<engine::Principal> Authenticator::authenticate(const Evidence& evidence) const {
  using engine::ActorKind;
  switch (evidence.kind) {
    case ActorKind::master_key:
      return master_keys_->contains(evidence.digest) ? std::optional(master()) : std::nullopt;
    case ActorKind::key:
      return holder_of(evidence.digest);
    case ActorKind::token:
      if (tokens_->is_still_good(*evidence.claims, engine::now_unix_ms()))
        return bearer_of_token(*evidence.claims);
      break;
    case ActorKind::unknown:
      break;
  }
  return {};
}

std::optional<engine::Principal> Authenticator::holder_of(const engine::Digest& digest) const {
  thread_local engine::Decision decision;
  if (!engine_.verify_use(digest, engine::now_unix_ms(), nullptr, decision)) return {};
  return engine::principal_of(decision);
}

std::shared_ptr<const Claims> Authenticator::claims_of(std::string_view token) const {
  std::string_view why;
  auto claims = tokens_->verify(token, engine::now_unix_ms(), &why);
  if (claims) return std::move(*claims);
  static LogLimit limit;
  log(limit, {}, Level::debug, "refused a token", {{"reason", why}});
  return {};
}

}  // namespace revoked::net
