#include "net/auth/jwt.hpp"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "engine/base/base64url.hpp"
#include "net/http/json_reader.hpp"

namespace revoked::net {
namespace {

constexpr engine::UnixMs look_interval_ms = 1000;

struct Parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_bytes;  // header "." payload
};

std::optional<Parts> split(std::string_view token) {
  const auto first = token.find('.');
  if (first == std::string_view::npos) return {};
  const auto second = token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) return {};
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1),
               token.substr(0, second)};
}

struct JoseHeader {
  std::optional<Algorithm> algorithm;
  std::optional<std::string> kid;
};

// A media type (RFC 7515, section 4.1.9): in any letter case, with or without "application/".
bool is_token_type(std::string_view type) {
  std::string lower(type);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  std::string_view rest = lower;
  if (rest.starts_with("application/")) rest.remove_prefix(12);
  return rest == "jwt" || rest == "at+jwt";  // RFC 9068, section 4
}

std::string_view read_header(std::string_view part, JoseHeader& header) {
  if (part.size() > max_token_header_bytes) return "header too large";
  const auto bytes = engine::decode_base64url(part);
  if (!bytes) return "header is not base64url";
  const auto members = read_json_object(*bytes);
  if (!members) return "header is not one JSON object, or a member comes twice";
  using Kind = JsonMember::Kind;
  for (const auto& member : *members) {
    // Keys from the sender, extensions that must be understood (RFC 7515, section 4.1.11), and unencoded
    // payloads (RFC 7797).
    for (const auto* forbidden : {"jku", "jwk", "x5u", "x5c", "crit", "b64"}) {
      if (member.name == forbidden) return "header has a forbidden member";
    }
    if (member.name == "alg") {
      header.algorithm = member.kind == Kind::string ? parse_algorithm(member.text) : std::nullopt;
    } else if (member.name == "kid") {
      if (member.kind != Kind::string) return "kid is not a string";
      header.kid = member.text;
    } else if (member.name == "typ" && (member.kind != Kind::string || !is_token_type(member.text))) {
      return "typ is not a token type";
    }
  }
  if (!header.algorithm) return "algorithm is not accepted";
  return {};
}

std::string_view verify_token(std::string_view token, const KeySet& keys, const ClaimRules& rules,
                              engine::UnixMs now, Claims& claims) {
  const auto parts = split(token);
  if (!parts) return "not three parts";
  JoseHeader header;
  if (const auto fault = read_header(parts->header, header); !fault.empty()) return fault;
  const auto* key = keys.find(header.kid, *header.algorithm);
  if (key == nullptr) return "no key for it";
  const auto payload = engine::decode_base64url(parts->payload);
  const auto signature = engine::decode_base64url(parts->signature);
  if (!payload || !signature) return "payload or signature is not base64url";
  if (!key->verify(parts->signed_bytes, *signature)) return "bad signature";
  if (const auto fault = read_claims(*payload, rules, now, claims); !fault.empty()) return fault;
  claims.kid = std::move(header.kid);
  claims.algorithm = *header.algorithm;
  claims.key = key->fingerprint();
  return {};
}

}  // namespace

bool looks_like_jwt(std::string_view credential) {
  return std::count(credential.begin(), credential.end(), '.') == 2;
}

JwtVerifier::JwtVerifier(JwtOptions options)
    : options_(std::move(options)), file_(options_.jwks_file, max_jwks_bytes) {
  if (options_.rules.leeway_s < 0 || options_.rules.leeway_s > max_leeway_s) {
    throw std::invalid_argument("the leeway for token times must be 0 to 60 seconds");
  }
  const engine::MutexLock lock(file_mutex_);
  const bool is_read = reload();
  if (is_read && keys_.set->size() == 0 && !keys_.set->skipped().empty())
    fault_ = keys_.set->skipped().front();
  if (!fault_.empty())
    throw std::runtime_error("cannot use the token keys in " + file_.path() + ": " + fault_);
}

engine::result<std::shared_ptr<const Claims>> JwtVerifier::verify(std::string_view token, engine::UnixMs now,
                                                                  std::string_view* why) const {
  const auto refuse = [&](std::string_view fault) {
    if (why != nullptr) *why = fault;
    return engine::errc::refused;
  };
  look_at_file(now);
  if (token.size() > max_token_bytes) return refuse("too large");
  const auto digest = engine::sha256(token);
  if (auto known = cache_.find(digest, generation_.load(std::memory_order_acquire), now)) return known;

  const auto keys = current_keys();
  auto claims = std::make_shared<Claims>();
  if (const auto fault = verify_token(token, *keys.set, options_.rules, now, *claims); !fault.empty()) {
    return refuse(fault);
  }
  // With the generation of the keys that were used: if they have been replaced meanwhile, the entry is never
  // returned.
  cache_.put(digest, keys.generation, now, claims);
  return std::shared_ptr<const Claims>(std::move(claims));
}

bool JwtVerifier::is_still_good(const Claims& claims, engine::UnixMs now) const {
  look_at_file(now);
  if (now >= claims.expires_at + options_.rules.leeway_s * 1000) return false;
  const auto keys = current_keys();
  const auto* key = keys.set->find(claims.kid, claims.algorithm);
  return key != nullptr && key->fingerprint() == claims.key;
}

JwtVerifier::Keys JwtVerifier::current_keys() const {
  const engine::MutexLock lock(keys_mutex_);
  return keys_;
}

void JwtVerifier::look_at_file(engine::UnixMs now) const {
  // In both directions: a clock that was set back must not stop the checks.
  const auto is_due = [&] {
    return std::abs(now - looked_at_.load(std::memory_order_relaxed)) >= look_interval_ms;
  };
  if (!is_due()) return;
  if (!file_mutex_.try_lock()) return;  // another thread checks
  const engine::MutexLock lock(file_mutex_, std::adopt_lock);
  if (!is_due()) return;  // it has checked
  looked_at_.store(now, std::memory_order_relaxed);
  reload();
}

bool JwtVerifier::reload() const {
  const auto content = file_.poll();
  if (!content) return fault_.empty();
  fault_.clear();
  auto set = std::make_shared<KeySet>();
  if (!*content) {
    fault_ = content->error() == engine::errc::malformed ? "not a regular file, or larger than 256 KiB"
                                                         : content->error().message();
  } else if (auto parsed = KeySet::parse(**content, fault_)) {
    *set = std::move(*parsed);
  }
  if (fault_.empty()) {
    {
      const engine::MutexLock lock(keys_mutex_);
      keys_ = {set, keys_.generation + 1};
      generation_.store(keys_.generation, std::memory_order_release);
    }
    cache_.clear();
  }
  if (options_.on_jwks) {
    options_.on_jwks({file_.path(), fault_.empty(), fault_, set->size(), set->passed_over(), set->skipped()});
  }
  return fault_.empty();
}

}  // namespace revoked::net
