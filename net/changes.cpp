#include "net/changes.hpp"

#include <utility>

#include "net/network_thread.hpp"

namespace revoked::net {
namespace {

// The claim of one request on its name. Given up unless it has been completed.
class Claimed {
 public:
  Claimed(ReplyTable& replies, std::string name) : replies_(replies), name_(std::move(name)) {}
  ~Claimed() { replies_.abandon(name_); }
  Claimed(const Claimed&) = delete;
  Claimed& operator=(const Claimed&) = delete;

  SentResponse& sent() { return sent_; }
  // What failed on our side may be tried again.
  void complete(engine::Sequence durable_after) {
    if (sent_.status != 0 && sent_.status < 500) replies_.complete(name_, {std::move(sent_), durable_after});
  }

 private:
  ReplyTable& replies_;
  const std::string name_;
  SentResponse sent_;
};

Task<> complete_after(Task<> rest, std::unique_ptr<Claimed> claimed, engine::Sequence durable_after) {
  co_await std::move(rest);
  claimed->complete(durable_after);
}

Task<> wait_until_told(Api& api, Exchange exchange, engine::Sequence sequence) {
  constexpr std::chrono::milliseconds look_again{100};
  auto& thread = exchange.connection.thread();
  const auto until = std::chrono::steady_clock::now() +
                     thread.limits().drain_timeout;  // a disk that hangs holds up the telling
  while (std::chrono::steady_clock::now() < until && !api.engine.has_failed()) {
    const auto seen = thread.news().count();
    if (api.feed.told().sequence >= sequence) co_return;
    co_await thread.news().wait(look_again, seen);
  }
  exchange.response.close_after();
  exchange.connection.close();
}

engine::Digest digest_of(const Request& request) {
  std::string all;
  for (const auto part : {request.path, request.query, request.body}) {
    engine::append_number(all, part.size());
    all.append(":").append(part);
  }
  return engine::sha256(all);
}

Outcome replay(Call& call, const ReplyTable::Reply& reply) {
  call.response().header("Idempotency-Replayed", "true");
  call.response().send(reply.sent);
  return {reply.durable_after, {}};
}

}  // namespace

Outcome handle_change(Api& api, Call& call, Handler handler) {
  if (!has_token(call.request()[Header::prefer], "respond-async")) return handler(api, call);
  call.response().accept_only(true);
  auto outcome = handler(api, call);
  call.response().accept_only(false);  // what comes later has waited for the disk
  if (!outcome.rest && call.response().status() == 202) {
    return {0, wait_until_told(api, call.exchange, std::exchange(outcome.durable_after, 0))};
  }
  return outcome;
}

Outcome handle_once(Api& api, Call& call, Handler handler, std::string_view route, ReplyTable& replies) {
  using Claim = ReplyTable::Claim;
  const auto key = call.request()[Header::idempotency_key];
  if (key.data() == nullptr) return handle_change(api, call, handler);
  if (key.empty() || key.size() > max_idempotency_key_size) {
    return refuse(call, 400, "invalid_field", "Idempotency-Key is 1 to 255 characters");
  }
  std::string name(route);
  // A token may bear the name of a key, and must not be told what that key was.
  name.append(1, '\0').append(1, static_cast<char>(call.principal.actor_kind));
  for (const std::string_view part : {std::string_view(call.principal.actor), key})
    name.append(1, '\0').append(part);
  ReplyTable::Reply reply;
  switch (replies.claim(name, digest_of(call.request()), ReplyTable::Clock::now(), reply)) {
    case Claim::again:
      return replay(call, reply);
    case Claim::in_progress:
      return refuse(call, 409, "request_in_progress", "this request is being answered");
    case Claim::other_request:
      return refuse(call, 422, "idempotency_key_reused", "this Idempotency-Key came with another request");
    case Claim::first:
      break;
  }
  auto claimed = std::make_unique<Claimed>(replies, std::move(name));
  call.response().record_in(&claimed->sent());
  auto outcome = handle_change(api, call, handler);
  if (outcome.rest) {
    auto rest = std::move(*outcome.rest);
    outcome.rest.emplace(complete_after(std::move(rest), std::move(claimed), outcome.durable_after));
    return outcome;
  }
  claimed->complete(outcome.durable_after);
  call.response().record_in(nullptr);
  return outcome;
}

}  // namespace revoked::net
