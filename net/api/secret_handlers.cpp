// Revoking by leaked secret.

#include <algorithm>
#include <functional>
#include <span>

#include "net/api/api.hpp"
#include "net/api/dry_runs.hpp"
#include "net/api/reason.hpp"
#include "net/api/revocation_writer.hpp"
#include "net/api/route_queries.hpp"
#include "net/http/members.hpp"

namespace revoked::net {
namespace {

using engine::errc;
using engine::JsonWriter;
using Kind = JsonMember::Kind;

constexpr std::size_t max_secrets = 1000;  // in one request

constexpr MemberForm secrets_forms[] = {
    {"secret", Kind::string, engine::secret_form},
    {"secrets", Kind::strings, "an array of 1 to 1000 secrets"},
    {"secret_sha256", Kind::string, digest_form},
    {"secrets_sha256", Kind::strings, "an array of 1 to 1000 digests, each 64 hexadecimal digits or base64"},
    {"reason", Kind::string, reason_form},
};

// The result for one of many.
struct RevokedSecret {
  std::string key_id;  // empty: no such key
  engine::RevokedKey revoked{};
};

void write_unknown(JsonWriter& json, std::string_view key_id) {
  json.open('{').optional_field("key_id", key_id).field("state", "unknown").close('}');
}

// Needs no disk read for keys that this request has revoked.
void write_secret(JsonWriter& json, const Api& api, const RevokedSecret& secret, std::string_view reason) {
  const auto& [key_id, revoked] = secret;
  if (key_id.empty()) return write_unknown(json, {});
  if (!revoked.already)
    return write_revoked(json, key_id, revoked.at, reason, api.engine.position_of(revoked.sequence));
  const auto found = api.engine.describe(key_id, engine::now_unix_ms());
  if (!found || !found->revocation) return write_unknown(json, key_id);
  const auto& [position, at, known_reason] = *found->revocation;
  write_revoked(json, key_id, at, known_reason, position);
}

// Completes what `json` has begun in `body`, and sends it.
void send_results(Api& api, Response& response, JsonWriter& json, const std::string& body,
                  engine::Sequence sequence) {
  const auto position = api.engine.position_of(sequence);
  json.close(']').field("position", position).close('}');
  set_position(response, position);
  response.send_json(200, body);
}

Task<> answer_secrets(Api& api, Exchange exchange, std::string asker, std::vector<RevokedSecret> secrets,
                      std::string reason, engine::Sequence sequence) {
  if (!co_await wait_until_durable(exchange, sequence)) co_return;
  std::string body;
  JsonWriter json(body);
  json.open('{').key("results").open('[');
  // In pieces, so that other changes can run in between.
  constexpr std::size_t piece = 100;
  for (std::size_t begin = 0; begin < secrets.size(); begin += piece) {
    const auto these = std::span(secrets).subspan(begin, std::min(piece, secrets.size() - begin));
    const std::function<void()> write = [&] {
      for (const auto& secret : these) write_secret(json, api, secret, reason);
    };
    if (std::ranges::none_of(these, [](const auto& secret) { return secret.revoked.already; }))
      write();
    else if (!co_await read_on_pool(api, exchange, asker, write))
      co_return;
  }
  send_results(api, exchange.response, json, body, sequence);
}

Outcome accept_secrets(Api& api, Call& call, const std::vector<RevokedSecret>& secrets,
                       std::string_view reason, engine::Sequence last) {
  std::string body;
  JsonWriter json(body);
  json.open('{').key("results").open('[');
  for (const auto& secret : secrets) {
    if (secret.revoked.already)
      write_revoked_before(json, secret.key_id, api.engine.position_of(secret.revoked.sequence));
    else
      write_secret(json, api, secret, reason);
  }
  send_results(api, call.response(), json, body, last);
  return {last, {}};
}

// The digests of the secrets in a member, given as secrets or as their SHA-256. False: one of them is
// invalid.
bool add_digests(const JsonMember& member, const engine::Engine& engine,
                 std::vector<engine::Digest>& digests) {
  const auto add = [&](const std::string& text) {
    std::optional<engine::Digest> digest;
    if (!member.name.ends_with("_sha256"))
      digest = engine.digest_of_reported(text);
    else if (const auto sha256 = engine::digest_from_text(engine::reported_secret(text)))
      digest = engine.digester().of_sha256(*sha256);
    if (digest) digests.push_back(*digest);
    return digest.has_value();
  };
  if (member.kind == Kind::string) return add(member.text);
  return std::all_of(member.strings.begin(), member.strings.end(), add);
}

Fault read_secrets(const Call& call, const engine::Engine& engine, std::vector<engine::Digest>& digests,
                   std::string& reason) {
  Members members;
  if (call.request().body.empty())
    return {"malformed", {}, "the body is missing: it must say what to revoke"};
  if (auto fault = read_with_reason(members, call.request().body, secrets_forms)) return fault;
  reason = members.text_or_empty("reason");
  for (const auto& member : members) {
    if (member.name != "reason" && !add_digests(member, engine, digests))
      return wrong_value(member.name, secrets_forms);
  }
  if (!digests.empty() && digests.size() <= max_secrets) return {};
  return {"invalid_field", "secrets",
          "give secret or secret_sha256, or 1 to 1000 of them in secrets or secrets_sha256"};
}

// One line, however many.
void log_revoked(const Api& api, const Call& call, const std::vector<RevokedSecret>& results,
                 engine::Sequence last) {
  const auto position = api.engine.position_of(last);
  if (results.size() == 1)
    return log_change(call, "key.revoked", results[0].key_id, position, results[0].revoked.already);
  const auto keys = std::ranges::count_if(
      results, [](const RevokedSecret& result) { return !result.key_id.empty() && !result.revoked.already; });
  log_change(call, "keys.revoked", {}, position, keys == 0);
  call.exchange.connection.answer_log().field("keys", std::to_string(keys));
}

}  // namespace

Outcome revoke_secrets(Api& api, Call& call) {
  std::vector<engine::Digest> digests;
  std::string reason;
  if (const auto fault = read_secrets(call, api.engine, digests, reason)) return refuse(call, fault);
  if (call.query.is_true("dry_run")) return try_revoking_secrets(api, call, digests);
  engine::Sequence last = 0;
  api.single_revocations->note();
  std::vector<RevokedSecret> results;
  for (const auto& digest : digests) {
    const auto revoked = api.engine.revoke(digest, reason, call.caller());
    if (!revoked && revoked.error() == errc::not_recalled) continue;  // recalled for all of them together
    if (!revoked && revoked.error() != errc::not_found) return refuse(call, revoked.error());
    auto& result = results.emplace_back();
    if (!revoked) continue;
    const auto key_id = api.engine.key_id_of(digest, call.caller());
    if (!key_id) continue;
    result = {*key_id, *revoked};
    last = std::max(last, revoked->sequence);
  }
  if (call.recalled.is_wanting()) return refuse(call, errc::not_recalled);
  if (last != 0) log_revoked(api, call, results, last);
  if (last == 0) last = api.engine.durable();
  if (call.response().is_accept_only()) return accept_secrets(api, call, results, reason, last);
  return {0, answer_secrets(api, call.exchange, asker_of(call.principal), std::move(results),
                            std::move(reason), last)};
}

}  // namespace revoked::net
