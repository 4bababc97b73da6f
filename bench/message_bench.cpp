// Encoding and decoding between the journal and a gateway, and the head of a request.

#include <benchmark/benchmark.h>

#include "bench/bench.hpp"
#include "bench/samples.hpp"
#include "cache/bus/message_encoder.hpp"
#include "cache/edge/follower.hpp"
#include "cache/edge/near_cache.hpp"
#include "net/http/request_head.hpp"

namespace revoked::bench {
namespace {

constexpr engine::UnixMs told_at = 1'767'322'445'678;
const cache::Stamp stamp{"k3v9x0c7q2m4ab", told_at, 1234};

void encode_event(benchmark::State& state) {
  const auto key_id = uuid_of(1);
  const auto event = revocation_of(key_id);
  std::string out;
  for (auto _ : state) {
    out.clear();
    engine::append_event(out, event);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations());
}

void decode_event(benchmark::State& state) {
  const auto key_id = uuid_of(1);
  std::string encoded;
  engine::append_event(encoded, revocation_of(key_id));
  for (auto _ : state) {
    std::string_view bytes = encoded;
    engine::EventView event;
    if (!engine::take_event(bytes, event)) state.SkipWithError("malformed");
    benchmark::DoNotOptimize(event);
  }
  state.SetItemsProcessed(state.iterations());
}

void encode_message(benchmark::State& state) {
  auto batch = revocations(1, static_cast<std::uint32_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(cache::encode_messages(batch.view(), stamp));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void decode_message(benchmark::State& state) {
  const auto text =
      cache::encode_messages(revocations(1, static_cast<std::uint32_t>(state.range(0))).view(), stamp)
          .front()
          .text;
  for (auto _ : state) {
    if (!cache::decode_message(text)) state.SkipWithError("malformed");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// A message that follows the follower's position, applied to the near cache. Includes copying the message.
void follow(benchmark::State& state) {
  cache::Follower follower({});
  cache::NearCache near_cache({});
  const cache::Monotonic now{std::chrono::hours(1)};
  const auto count = static_cast<engine::Sequence>(state.range(0));
  auto message = *cache::decode_message(
      cache::encode_messages(revocations(1, static_cast<std::uint32_t>(count)).view(), stamp).front().text);
  near_cache.flush(*follower
                        .on_message({1, 1, 0, told_at, {}, std::string(stamp.journal), {}},
                                    cache::Follower::Source::engine, now)
                        .flush);
  for (auto _ : state) {
    const auto actions = follower.on_message(message, cache::Follower::Source::engine, now);
    if (actions.apply.size() != count) state.SkipWithError("not applied");
    near_cache.apply(actions.apply);
    for (auto& event : message.events) renumber(event.key_id, event.sequence += count);
    message.first += count;
    message.last += count;
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void read_head(benchmark::State& state, std::string_view text) {
  const net::HeadLimits limits;
  for (auto _ : state) {
    net::Request request;
    const auto read = net::read_head(text, limits, request);
    if (read.kind != net::HeadResult::Kind::complete) state.SkipWithError("refused");
    benchmark::DoNotOptimize(request);
  }
  state.SetItemsProcessed(state.iterations());
}

constexpr std::string_view delete_head =
    "DELETE /v1/keys/0192f0c1-7a3b-7def-8123-000000000001 HTTP/1.1\r\n"
    "Host: 127.0.0.1:7385\r\n"
    "Authorization: Bearer rvk_0123456789abcdefghijABCDEFGHIJ0123456789abcdef\r\n\r\n";

// As sent by nginx for a browser.
constexpr std::string_view check_head =
    "GET /check HTTP/1.1\r\n"
    "Host: gateway\r\n"
    "X-Forwarded-For: 192.0.2.1\r\n"
    "X-Original-URI: /documents/17?page=2\r\n"
    "Authorization: Bearer rvk_0123456789abcdefghijABCDEFGHIJ0123456789abcdef\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-GB,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Cookie: theme=dark; session=0123456789abcdef0123456789abcdef\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Sec-Fetch-Mode: navigate\r\n\r\n";

}  // namespace

void register_message_benchmarks() {
  benchmark::RegisterBenchmark("event/encode", encode_event);
  benchmark::RegisterBenchmark("event/decode", decode_event);
  benchmark::RegisterBenchmark("message/encode/events", encode_message)->Arg(1)->Arg(1000);
  benchmark::RegisterBenchmark("message/decode/events", decode_message)->Arg(1)->Arg(1000);
  benchmark::RegisterBenchmark("follower/apply/events", follow)->Arg(1)->Arg(1000);
  benchmark::RegisterBenchmark("request_head/read_head/delete", read_head, delete_head);
  benchmark::RegisterBenchmark("request_head/read_head/check", read_head, check_head);
}

}  // namespace revoked::bench
