#include "net/api/changes.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "net/api/reply_key.hpp"
#include "net/http/network_thread.hpp"

namespace revoked::net {
namespace {

// A response as one text, to be encrypted.
std::string packed(const SentResponse& sent) {
  std::string text;
  text.reserve(64 + sent.headers.size() + sent.content_type.size() +
               sent.body.size());  // no reallocation leaves a copy in freed memory
  engine::append_number(text, sent.status);
  for (const auto* part : {&sent.headers, &sent.content_type}) {
    text.push_back(' ');
    engine::append_number(text, part->size());
  }
  text.append("\n").append(sent.headers).append(sent.content_type).append(sent.body);
  return text;
}

SentResponse unpacked(std::string_view text) {
  SentResponse sent;
  std::size_t headers = 0;
  std::size_t type = 0;
  const auto* const end = text.data() + text.find('\n');
  auto at = std::from_chars(text.data(), end, sent.status).ptr;
  at = std::from_chars(at + 1, end, headers).ptr;
  std::from_chars(at + 1, end, type);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  sent.headers = text.substr(0, headers);
  sent.content_type = text.substr(headers, type);
  sent.body = text.substr(headers + type);
  return sent;
}

// The claim of one request on its name. Abandoned unless completed.
//
// Where engines share the journal, the reply to a change is also kept there, as the credential and the
// request it belongs to and the sealed text: the engine that leads next knows them.
class Claimed {
 public:
  Claimed(Api& api, ReplyTable& replies, const ReplyTable::Asked& asked, std::unique_ptr<const ReplyKey> key)
      : api_(api), replies_(replies), asked_(asked), key_(std::move(key)) {}
  ~Claimed() {
    if (!is_complete_) replies_.abandon(asked_.name);
    wipe(sent_.body);
  }
  Claimed(const Claimed&) = delete;
  Claimed& operator=(const Claimed&) = delete;

  SentResponse& sent() { return sent_; }
  const ReplyKey& key() const { return *key_; }
  // A server error is not stored: the request may be retried. Returns what must be durable before the answer.
  engine::Sequence complete(engine::Sequence durable_after) {
    if (sent_.status == 0 || sent_.status >= 500) return durable_after;
    auto text = packed(sent_);
    auto sealed = key_->seal(text, asked_.name);
    wipe(text);
    if (api_.standing != nullptr && durable_after != 0) {
      auto kept = std::string(engine::octets_of(asked_.credential))
                      .append(engine::octets_of(asked_.request))
                      .append(sealed);
      if (const auto sequence = api_.engine.keep_reply(engine::octets_of(asked_.name), kept))
        durable_after = *sequence;
    }
    complete({std::move(sealed), durable_after});
    return durable_after;
  }
  void complete(ReplyTable::Reply reply) {
    replies_.complete(asked_.name, ReplyTable::Clock::now(), std::move(reply));
    is_complete_ = true;
  }

 private:
  Api& api_;
  ReplyTable& replies_;
  const ReplyTable::Asked asked_;
  const std::unique_ptr<const ReplyKey> key_;
  SentResponse sent_;
  bool is_complete_ = false;
};

Task<> complete_after(Task<> rest, std::unique_ptr<Claimed> claimed, engine::Sequence durable_after) {
  co_await std::move(rest);
  claimed->complete(durable_after);
}

Task<> wait_until_published(Api& api, Exchange exchange, engine::Sequence sequence) {
  constexpr std::chrono::milliseconds poll_interval{100};
  auto& thread = exchange.connection.thread();
  const auto until = std::chrono::steady_clock::now() +
                     thread.limits().drain_timeout;  // a disk that hangs delays publication
  while (std::chrono::steady_clock::now() < until && !api.engine.has_failed()) {
    const auto seen = thread.news().count();
    if (api.feed.published().sequence >= sequence) co_return;
    co_await thread.news().wait(poll_interval, seen);
  }
  drop_connection(exchange);
}

// The limits of a reach as text, of scope `only` or of all scopes.
std::string limits_of(const engine::Reach& reach, std::optional<engine::Scope> only = {}) {
  std::string text;
  for (const auto scope : engine::all_scopes) {
    if (!reach.limit(scope) || (only && *only != scope)) continue;
    text.append(1, '\1').append(to_string(scope));  // no id contains \0 or \1
    auto ids = *reach.limit(scope);
    std::sort(ids.begin(), ids.end());
    for (const auto& id : ids) text.append(1, '\0').append(id);
  }
  return text;
}

// The caller: tokens with the same name but from different issuers, or with different limits, are different
// callers.
engine::Digest name_of(const engine::Principal& who, std::string_view route, std::string_view key) {
  const char kind[] = {static_cast<char>(who.actor_kind)};
  return salted_digest({"name", route, {kind, 1}, who.issuer, who.actor, limits_of(who.reach), key});
}

// The tenant whose share is used: a workspace has one share, however many keys it has.
engine::Digest tenant_of(const engine::Principal& who) {
  for (const auto scope : {engine::Scope::workspace, engine::Scope::application, engine::Scope::user}) {
    if (who.reach.limit(scope)) return salted_digest({"tenant", limits_of(who.reach, scope)});
  }
  const char kind[] = {static_cast<char>(who.actor_kind)};
  return salted_digest({"caller", {kind, 1}, who.issuer, who.actor});
}

constexpr std::string_view other_credential =
    "this Idempotency-Key was used with another credential, which the stored response needs";
constexpr std::string_view other_request = "this Idempotency-Key was used for another request";

Outcome replay(Call& call, const ReplyTable::Reply& reply, const ReplyKey& key, const engine::Digest& name) {
  auto text = key.open(reply.sealed, name);
  if (!text) return refuse(call, 500, "internal_error", "the stored response cannot be read");
  auto sent = unpacked(*text);
  wipe(*text);
  call.response().header("Idempotency-Replayed", "true");
  call.response().send(sent);
  wipe(sent.body);
  return {reply.durable_after, {}};
}

// Of an engine that led before.
Outcome answer_kept(Call& call, std::string_view kept, const ReplyTable::Asked& asked, Claimed& claimed) {
  constexpr auto size = sizeof(engine::Digest);
  if (kept.substr(0, size) != engine::octets_of(asked.credential))
    return refuse(call, 409, "reply_sealed", other_credential);
  if (kept.substr(size, size) != engine::octets_of(asked.request))
    return refuse(call, 422, "idempotency_key_reused", other_request);
  const ReplyTable::Reply reply{std::string(kept.substr(2 * size)), 0};
  claimed.complete(reply);
  return replay(call, reply, claimed.key(), asked.name);
}

}  // namespace

Outcome handle_change(Api& api, Call& call, Handler handler) {
  const bool is_early = has_token(call.request()[Header::prefer], "respond-async");
  if (!is_early || call.query.is_true("dry_run")) return handler(api, call);
  call.response().accept_only(true);
  auto outcome = handler(api, call);
  call.response().accept_only(false);  // later responses have waited for the disk
  if (!outcome.rest && call.response().status() == 202) {
    return {0, wait_until_published(api, call.exchange, std::exchange(outcome.durable_after, 0))};
  }
  return outcome;
}

Outcome handle_once(Api& api, Call& call, Handler handler, std::string_view route, ReplyTable& replies) {
  using Claim = ReplyTable::Claim;
  const auto key = call.request()[Header::idempotency_key];
  if (key.data() == nullptr) return handle_change(api, call, handler);
  if (key.empty() || key.size() > max_idempotency_key_size) {
    return refuse(call, 400, "invalid_field", "Idempotency-Key must have 1 to 255 characters");
  }
  const auto& request = call.request();
  auto reply_key = std::make_unique<const ReplyKey>(call.dialect.present(request).credential, key);
  const ReplyTable::Asked asked{name_of(call.principal, route, key), tenant_of(call.principal),
                                reply_key->mark(),
                                reply_key->digest_of({request.path, request.query, request.body})};
  ReplyTable::Reply reply;
  switch (replies.claim(asked, ReplyTable::Clock::now(), reply)) {
    case Claim::again:
      return replay(call, reply, *reply_key, asked.name);
    case Claim::in_progress:
      return refuse(call, 409, "request_in_progress",
                    "the first request with this Idempotency-Key is in progress");
    case Claim::other_credential:
      return refuse(call, 409, "reply_sealed", other_credential);
    case Claim::other_request:
      return refuse(call, 422, "idempotency_key_reused", other_request);
    case Claim::first:
      break;
  }
  auto claimed = std::make_unique<Claimed>(api, replies, asked, std::move(reply_key));
  std::unique_ptr<engine::Journal::Hold> together;
  if (api.standing != nullptr) {
    const auto kept = call.recalled.find_reply(engine::octets_of(asked.name));
    if (!kept) return refuse(call, engine::errc::not_recalled);
    if (!kept->empty()) return answer_kept(call, *kept, asked, *claimed);
    together = api.engine.commit_together();
  }
  call.response().record_in(&claimed->sent());
  auto outcome = handle_change(api, call, handler);
  if (outcome.rest) {
    together.reset();
    auto rest = std::move(*outcome.rest);
    outcome.rest.emplace(complete_after(std::move(rest), std::move(claimed), outcome.durable_after));
    return outcome;
  }
  outcome.durable_after = claimed->complete(outcome.durable_after);
  call.response().record_in(nullptr);
  return outcome;
}

}  // namespace revoked::net
