// POST /v1/webhooks/test: what each webhook answers to a test event.

#include <boost/asio/post.hpp>

#include "cache/webhooks/webhooks.hpp"
#include "engine/model/json_writer.hpp"
#include "net/api/api.hpp"
#include "net/http/network_thread.hpp"
#include "net/http/problem.hpp"

namespace revoked::net {
namespace {

using cache::Webhooks;
using Results = std::optional<std::vector<Webhooks::Tested>>;
using Token = cache::asio::use_awaitable_t<cache::Executor>;
using Handler = cache::asio::async_result<Token, void(Results)>::handler_type;

// The thread of the webhooks answers; the session resumes on its own.
Task<Results> test(Webhooks& webhooks, cache::Executor executor) {
  auto initiate = [&](Handler handler) {
    auto shared = std::make_shared<Handler>(std::move(handler));
    webhooks.test([executor, shared](Results results) {
      cache::asio::post(executor, [shared, results = std::move(results)]() mutable {
        std::move (*shared)(std::move(results));
      });
    });
  };
  Token token;
  co_return co_await cache::asio::async_initiate<Token, void(Results)>(initiate, token);
}

void write_tested(engine::JsonWriter& json, const Webhooks::Tested& tested, std::uint64_t number) {
  json.open('{').field("hook", number).field("url", std::string_view(tested.origin));
  json.field("delivered", tested.result && *tested.result / 100 == 2);
  if (tested.result)
    json.field("status", std::uint64_t{*tested.result});
  else
    json.field("error", std::string_view(tested.result.error().message()));
  json.field("after_ms", static_cast<std::uint64_t>(tested.after.count())).close('}');
}

Task<> answer_tested(Webhooks& webhooks, Exchange exchange) {
  const auto results = co_await test(webhooks, exchange.connection.thread().executor());
  if (!results) {
    send_problem(exchange.response, 409, "request_in_progress",
                 "another test of the webhooks is in progress");
    co_return;
  }
  std::string body;
  engine::JsonWriter json(body);
  json.open('{').key("results").open('[');
  std::uint64_t number = 0;
  for (const auto& tested : *results) write_tested(json, tested, ++number);
  json.close(']').close('}');
  exchange.response.send_json(200, body);
}

}  // namespace

Outcome test_webhooks(Api& api, Call& call) {
  if (api.webhooks == nullptr) {
    call.response().send_json(200, R"({"results":[]})");
    return {};
  }
  return {0, answer_tested(*api.webhooks, call.exchange)};
}

}  // namespace revoked::net
