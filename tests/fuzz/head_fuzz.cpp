// The head of a request: nothing that two servers could interpret differently is accepted, and the
// result is the same however the head is split.

#include "engine/base/percent.hpp"
#include "net/api/route_queries.hpp"
#include "net/http/request_head.hpp"
#include "net/http/router.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/net/http/naive_head.hpp"

namespace revoked::head_fuzz {

using Kind = net::HeadResult::Kind;

void require_the_same_in_pieces(std::string_view whole, const net::HeadResult& verdict) {
  const auto end = verdict.kind == Kind::complete ? verdict.size : whole.size();
  const auto step = end / 24 + 1;
  for (std::size_t size = 0; size < end; size += step) {
    const fuzz::Exact part(whole.substr(0, size));
    net::Request request;
    const auto early = net::read_head(part.view(), {}, request);
    if (early.kind == Kind::incomplete) continue;
    REQUIRE(early.kind == Kind::refused);
    REQUIRE(verdict.kind == Kind::refused);
    REQUIRE(early.status == verdict.status);
  }
}

void look_at(const net::Request& request) {
  constexpr std::span<const net::QueryParameter> tables[] = {net::feed_query, net::list_query};
  for (const auto taken : tables) {
    net::Query query;
    const bool is_refused = !query.read(request.query, taken).empty();
    REQUIRE(!is_refused || !request.query.empty());
    for (const auto& parameter : taken) {
      const auto* const value = query.find(parameter.name);
      REQUIRE(value == nullptr || (value->size() <= request.query.size() && parameter.is_valid(*value)));
    }
  }
  std::string decoded;
  if (engine::percent_decode(request.path, decoded)) REQUIRE(engine::is_percent_encoded(request.path));
  const auto trace = net::trace_id_of(request);
  REQUIRE(trace.empty() || trace.size() == 32);
}

FUZZ_TARGET(head) {
  const fuzz::Exact input(fuzz::text_of(data, size));
  net::Request request;
  const auto verdict = net::read_head(input.view(), {}, request);
  if (verdict.kind == Kind::refused) REQUIRE(verdict.status >= 400 && verdict.status < 600);
  if (verdict.kind == Kind::complete) {
    const auto harm = net::test::harm_in(input.view(), verdict, request);
    if (!harm.empty()) fuzz::fail(harm.c_str(), __FILE__, __LINE__);
    look_at(request);
  }
  require_the_same_in_pieces(input.view(), verdict);
  return 0;
}

}  // namespace revoked::head_fuzz
