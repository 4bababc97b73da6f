// Values in text form: positions, times, ids, addresses. An accepted value can be written and read again with
// the same result; the first byte selects the kind.

#include <algorithm>

#include "cache/bus/redis.hpp"
#include "cache/edge/engine_client.hpp"
#include "cache/wire/endpoint.hpp"
#include "engine/base/base64url.hpp"
#include "engine/base/percent.hpp"
#include "engine/base/time.hpp"
#include "engine/model/json_writer.hpp"
#include "engine/model/position.hpp"
#include "engine/model/secret.hpp"
#include "net/api/route_queries.hpp"
#include "net/http/json_reader.hpp"
#include "net/http/request.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/json.hpp"
#include "tests/support/rfc3339.hpp"

namespace revoked::values_fuzz {

void read_position(std::string_view text) {
  const auto position = engine::parse_position(text);
  if (!position) return;
  REQUIRE(engine::parse_position(engine::to_string(*position)) == position);
  REQUIRE(text.find_first_not_of("0123456789-") == text.npos);
}

void read_time(std::string_view text) {
  const auto at = engine::parse_rfc3339(text);
  if (!at) return;
  REQUIRE(*at >= 0);
  REQUIRE(engine::parse_rfc3339(revoked::test::rfc3339(*at)) == at);
}

void read_endpoint(std::string_view text) {
  std::string host;
  std::uint16_t port = 1;
  if (!cache::parse_endpoint(text, host, port)) {
    REQUIRE(host.empty() && port == 1);
    return;
  }
  std::string again;
  std::uint16_t port_again = 0;
  REQUIRE(cache::parse_endpoint(cache::format_endpoint(host, port), again, port_again));
  REQUIRE(again == host && port_again == port);
}

void read_redis_url(std::string_view text) {
  const auto address = cache::parse_redis_url(text);
  if (!address) return;
  const auto shown = cache::to_string(*address);
  // The password is not shown, unless the servers, the primary's name or the path contain it.
  auto elsewhere = address->primary_name + " " + address->unix_path;
  for (const auto& server : address->servers) elsewhere += " " + cache::to_string(server);
  const bool is_elsewhere = elsewhere.find(address->password) != std::string::npos;
  if (address->password.size() > 16 && !is_elsewhere) REQUIRE(shown.find(address->password) == shown.npos);
  const auto again = cache::parse_redis_url(shown);
  REQUIRE(bool(again));
  REQUIRE(again->servers == address->servers && again->unix_path == address->unix_path);
  REQUIRE(again->primary_name == address->primary_name && again->uses_tls == address->uses_tls);
  REQUIRE(again->database == address->database);
}

void read_engine_url(std::string_view text) {
  for (const auto& address : cache::parse_http_urls(text, 7385)) {
    REQUIRE(!address.host.empty());
    // A value in a Host header cannot end it.
    for (const unsigned char c : address.host) REQUIRE(c > ' ' && c != 0x7f);
    REQUIRE(cache::parse_http_url(cache::format_http_url(address), 0) == address);
  }
}

void read_base64url(std::string_view text) {
  const auto bytes = engine::decode_base64url(text);
  if (bytes) REQUIRE(bytes->size() == text.size() * 3 / 4);
}

void write_json(std::string_view text) {
  if (!net::is_utf8(text)) return;
  std::string json;
  engine::append_json_string(json, text);
  REQUIRE(!engine::needs_no_escape(text) || json.size() == text.size() + 2);
  const auto members = net::read_json_object("{\"a\":" + json + "}");
  REQUIRE(bool(members));
  REQUIRE(members->size() == 1 && members->front().text == text);
}

void read_query(std::string_view text) {
  std::string decoded;
  const bool is_good = engine::percent_decode(text, decoded);
  REQUIRE(is_good == engine::is_percent_encoded(text));
  if (is_good) {
    const auto escapes = std::count(text.begin(), text.end(), '%');
    REQUIRE(decoded.size() + 2 * static_cast<std::size_t>(escapes) == text.size());
  }
  net::Query query;
  const auto wrong = query.read(text, net::revocation_query);
  const auto* const reason = query.find("reason");
  REQUIRE(reason == nullptr || (net::is_utf8(*reason) && !reason->empty()));
  REQUIRE(!query.is_true("dry_run") || wrong.empty() || !query.wrong_name().empty());
}

void read_secret(std::string_view text) {
  const auto secret = engine::reported_secret(text);
  REQUIRE(text.find(secret) != text.npos);
  REQUIRE(!engine::is_secret(secret) || engine::is_reported_secret(text));
  REQUIRE(!engine::is_secret(text) || engine::is_reported_secret(text));
  if (engine::is_secret(text)) REQUIRE(net::is_utf8(text));
  if (engine::is_owner_id(text)) REQUIRE(net::is_utf8(text) && !text.empty());
  if (engine::is_key_id(text)) REQUIRE(engine::is_owner_id(text));
}

FUZZ_TARGET(values) {
  static constexpr void (*readers[])(std::string_view) = {read_position,  read_time,       read_endpoint,
                                                          read_redis_url, read_engine_url, read_base64url,
                                                          write_json,     read_query,      read_secret};
  auto bytes = fuzz::text_of(data, size);
  const auto which = fuzz::take_byte(bytes) % std::size(readers);
  const fuzz::Exact input(bytes);
  readers[which](input.view());
  return 0;
}

}  // namespace revoked::values_fuzz
