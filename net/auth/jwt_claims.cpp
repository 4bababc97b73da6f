#include "net/auth/jwt_claims.hpp"

#include <algorithm>

#include "engine/model/permissions.hpp"
#include "net/http/json_reader.hpp"

namespace revoked::net {
namespace {

using Kind = JsonMember::Kind;
using Words = std::vector<std::string>;

constexpr std::int64_t last_second = 253'402'300'799;  // of the year 9999

// An empty name means a claim that is not read.
const JsonMember* find_claim(const JsonMembers& members, std::string_view name) {
  return name.empty() ? nullptr : find_member(members, name);
}

// A NumericDate, in milliseconds.
std::optional<engine::UnixMs> time_of(const JsonMember& member) {
  if (member.kind != Kind::number || member.number < 0 || member.number > last_second) return {};
  return member.number * 1000;
}

std::string_view check_times(const JsonMembers& members, const ClaimRules& rules, engine::UnixMs now,
                             Claims& claims) {
  const auto leeway = std::clamp<std::int64_t>(rules.leeway_s, 0, max_leeway_s) * 1000;
  const auto* exp = find_member(members, "exp");
  if (exp == nullptr) return "exp is missing";
  const auto expires_at = time_of(*exp);
  if (!expires_at) return "exp is not a time";
  if (now >= *expires_at + leeway) return "expired";
  for (const auto* name : {"nbf", "iat"}) {
    const auto* member = find_member(members, name);
    if (member == nullptr) continue;
    const auto from = time_of(*member);
    if (!from) return "nbf or iat is not a time";
    if (now + leeway < *from) return "not yet valid";
  }
  claims.expires_at = *expires_at;
  return {};
}

// A string, or an array of strings.
std::optional<Words> strings_of(const JsonMember& member) {
  if (member.kind == Kind::string) return Words{member.text};
  if (member.kind == Kind::strings) return member.strings;
  return {};
}

std::string_view check_parties(const JsonMembers& members, const ClaimRules& rules, Claims& claims) {
  const auto* iss = find_member(members, "iss");
  if (iss != nullptr && iss->kind == Kind::string) claims.issuer = iss->text;
  if (!rules.issuer.empty() && claims.issuer != rules.issuer) return "another issuer";
  if (!rules.audience.empty()) {
    const auto* aud = find_member(members, "aud");
    const auto audiences = aud == nullptr ? std::nullopt : strings_of(*aud);
    if (!audiences || std::find(audiences->begin(), audiences->end(), rules.audience) == audiences->end()) {
      return "another audience";
    }
  }
  return {};
}

std::string_view read_actor(const JsonMembers& members, Claims& claims) {
  const auto* sub = find_member(members, "sub");
  if (sub == nullptr) return "sub is missing";
  const bool is_name =
      sub->kind == Kind::string && !sub->text.empty() && sub->text.size() <= max_actor_size &&
      std::none_of(sub->text.begin(), sub->text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (!is_name || sub->text == "master") return "sub is not a name";
  claims.actor = sub->text;
  return {};
}

// Each word once, sorted.
Words words_of(const JsonMember& member) {
  Words words;
  if (member.kind == Kind::strings) words = member.strings;
  for (std::string_view rest = member.kind == Kind::string ? std::string_view(member.text) : "";
       !rest.empty();) {
    const auto end = std::min(rest.find(' '), rest.size());
    words.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  std::erase_if(words, [](const std::string& word) {
    return word.empty() || word.find(' ') != std::string::npos || !engine::is_permission_list(word);
  });
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

std::string_view read_permissions(const JsonMembers& members, const ClaimRules& rules, Claims& claims) {
  std::optional<Words> granted;
  for (const auto* name : {&rules.scope_claim, &rules.permissions_claim}) {
    const auto* member = find_claim(members, *name);
    if (member == nullptr) continue;
    if (member->kind != Kind::string && member->kind != Kind::strings) return "permissions are not text";
    auto words = words_of(*member);
    if (granted) {
      std::erase_if(words, [&](const auto& word) {
        return !std::binary_search(granted->begin(), granted->end(), word);
      });
    }
    granted = std::move(words);
  }
  for (const auto& word : granted.value_or(Words{})) {
    if (!claims.permissions.empty()) claims.permissions += ' ';
    claims.permissions += word;
  }
  return {};
}

std::string_view read_limits(const JsonMembers& members, const ClaimRules& rules, Claims& claims) {
  for (const auto scope : engine::all_scopes) {
    const auto i = static_cast<std::size_t>(scope);
    const auto* member = find_claim(members, rules.limit_claims[i]);
    if (member == nullptr) continue;
    auto ids = strings_of(*member);
    if (ids && ids->size() > max_limit_ids) return "a limit names too many owners";
    if (!ids || ids->empty() || !std::all_of(ids->begin(), ids->end(), engine::is_owner_id)) {
      return "a limit names no owner";
    }
    claims.limits[i] = std::move(ids);
  }
  return {};
}

}  // namespace

std::string_view read_claims(std::string_view payload, const ClaimRules& rules, engine::UnixMs now,
                             Claims& claims) {
  const auto members = read_json_object(payload);
  if (!members) return "payload is not one JSON object, or a claim comes twice";
  claims = {};
  if (const auto fault = check_times(*members, rules, now, claims); !fault.empty()) return fault;
  if (const auto fault = check_parties(*members, rules, claims); !fault.empty()) return fault;
  if (const auto fault = read_actor(*members, claims); !fault.empty()) return fault;
  if (const auto fault = read_permissions(*members, rules, claims); !fault.empty()) return fault;
  return read_limits(*members, rules, claims);
}

}  // namespace revoked::net
