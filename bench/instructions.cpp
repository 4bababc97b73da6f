// bench-instructions OPERATION COUNT Repeats one operation COUNT times, for bench/check-instructions to count
// its instructions. Without arguments it lists the operations.

#include <charconv>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "bench/samples.hpp"
#include "cache/bus/message_encoder.hpp"
#include "cache/edge/follower.hpp"
#include "cache/edge/near_cache.hpp"
#include "net/http/request_counts.hpp"
#include "net/http/request_head.hpp"

namespace revoked::bench {
namespace {

constexpr engine::UnixMs told_at = 1'767'322'445'678;
const cache::Stamp stamp{"k3v9x0c7q2m4ab", told_at, 1234};
constexpr std::size_t keys = 20'000;

using Operation = std::function<void(std::size_t)>;
using Repeat = std::function<void(const Operation&)>;

void keep(const void* what) { __asm__ volatile("" : : "r"(what) : "memory"); }

void verify(Repeat repeat) {
  FilledEngine engine(keys);
  engine::Decision decision;
  repeat([&](std::size_t i) {
    (void)engine->verify(digest_of(i), 1, decision);
    keep(&decision);
  });
}

void revoke(Repeat repeat) {
  FilledEngine engine(keys);
  auto id = uuid_of(0);
  const engine::Caller caller{"master", "192.0.2.1", "4bf92f3577b34da6a3ce929d0e0e4736"};
  // Whether the journal's thread must be woken depends on timing; while it is blocked it never must.
  const auto held = engine.hold_commits();
  repeat([&](std::size_t i) {
    renumber(id, i);
    (void)engine->revoke(id, "leaked", caller);
  });
}

void encode_message(Repeat repeat) {
  auto batch = revocations(1, 1);
  repeat([&](std::size_t) { keep(cache::encode_messages(batch.view(), stamp).front().text.data()); });
}

void decode_message(Repeat repeat) {
  const auto text = cache::encode_messages(revocations(1, 1).view(), stamp).front().text;
  repeat([&](std::size_t) { keep(cache::decode_message(text)->events.data()); });
}

void follow(Repeat repeat) {
  cache::Follower follower({});
  cache::NearCache near_cache({.max_entries = keys, .max_marks = 2 * keys});
  const cache::Monotonic now{std::chrono::hours(1)};
  auto message = *cache::decode_message(cache::encode_messages(revocations(1, 1).view(), stamp).front().text);
  near_cache.flush(*follower
                        .on_message({1, 1, 0, told_at, {}, std::string(stamp.journal), {}},
                                    cache::Follower::Source::engine, now)
                        .flush);
  repeat([&](std::size_t) {
    for (const auto& event : follower.on_message(message, cache::Follower::Source::engine, now).apply)
      near_cache.apply(event);
    renumber(message.events[0].key_id, ++message.events[0].sequence);
    ++message.first;
    ++message.last;
  });
}

void find_cached(Repeat repeat) {
  cache::NearCache near_cache({.max_entries = keys, .max_marks = keys});
  near_cache.flush({1, 1});
  for (std::size_t i = 0; i < keys; ++i) near_cache.fill(digest_of(i), decision_of(i, {1, 1}));
  repeat([&](std::size_t i) {
    const auto found = near_cache.find(digest_of(i), 1);
    keep(&found);
  });
}

void read_head(Repeat repeat) {
  constexpr std::string_view head =
      "DELETE /v1/keys/0192f0c1-7a3b-7def-8123-000000000001 HTTP/1.1\r\n"
      "Host: 127.0.0.1:7385\r\n"
      "Authorization: Bearer rvk_0123456789abcdefghijABCDEFGHIJ0123456789abcdef\r\n\r\n";
  const net::HeadLimits limits;
  repeat([&](std::size_t) {
    net::Request request;
    (void)net::read_head(head, limits, request);
    keep(&request);
  });
}

// What /metrics adds to a request, besides reading the clock.
void count_request(Repeat repeat) {
  net::RequestCounts counts(50);
  net::UnsentResponses unsent;
  repeat([&](std::size_t) {
    unsent.add(7, 200);
    for (const auto& [route, status, times] : unsent.all())
      counts.add(route, status, std::chrono::microseconds(20), times);
    unsent.clear();
    keep(&counts);
  });
}

const std::map<std::string_view, void (*)(Repeat)> operations{
    {"verify", verify},
    {"revoke", revoke},
    {"message-encode", encode_message},
    {"message-decode", decode_message},
    {"follower-apply", follow},
    {"near-cache-find", find_cached},
    {"head-read", read_head},
    {"request-count", count_request},
};

}  // namespace
}  // namespace revoked::bench

// What is counted: instructions of this thread within this function. The script refers to it by name.
extern "C" [[gnu::noinline]] void repeat_operation(const std::function<void(std::size_t)>& operation,
                                                   std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) operation(i);
}

int main(int argc, char** argv) {
  using namespace revoked::bench;
  if (argc == 1) {
    for (const auto& [name, run] : operations)
      std::printf("%.*s\n", static_cast<int>(name.size()), name.data());
    return 0;
  }
  std::size_t count = 0;
  const std::string_view text(argc == 3 ? argv[2] : "");
  const auto read = std::from_chars(text.data(), text.data() + text.size(), count);
  const auto operation = operations.find(argv[1]);
  // Each revocation needs a key of its own.
  if (operation == operations.end() || read.ec != std::errc() || count == 0 || count > keys) {
    std::fprintf(stderr, "usage: bench-instructions [OPERATION COUNT], COUNT from 1 to %zu\n", keys);
    return 2;
  }
  operation->second([count](const auto& each) { repeat_operation(each, count); });
  return 0;
}
