#include "cache/wire/endpoint.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>

#include "engine/base/character_set.hpp"

namespace revoked::cache {
namespace {

constexpr std::string_view plain_scheme = "http://";
constexpr std::string_view encrypted_scheme = "https://";
constexpr std::size_t max_host_size = 253;
constexpr auto host_name_characters = engine::letters_and_digits | engine::CharacterSet(".-_");
constexpr auto v6_characters = engine::hex_digits | engine::CharacterSet(":.");

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= max_host_size && host_name_characters.has_all(text);
}

// With or without a zone (the name of an interface) after a percent sign. Characters that are not part of an
// address are rejected first, because Asio stops reading at a NUL.
bool is_v6(std::string_view text) {
  const auto percent = text.find('%');
  if (!v6_characters.has_all(text.substr(0, percent))) return false;
  if (percent != text.npos && !is_host_name(text.substr(percent + 1))) return false;
  error_code error;
  asio::ip::make_address_v6(std::string(text), error);
  return !error;
}

bool parse_port(std::string_view text, std::uint16_t& port) {
  std::uint16_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end || number == 0) return false;
  port = number;
  return true;
}

}  // namespace

bool parse_endpoint(std::string_view text, std::string& host, std::uint16_t& port) {
  std::string_view name;
  std::string_view rest;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == text.npos) return false;
    name = text.substr(1, close - 1);
    rest = text.substr(close + 1);
    if (!is_v6(name)) return false;
  } else {
    name = text.substr(0, text.find(':'));
    rest = text.substr(name.size());
    if (!is_host_name(name)) return false;
  }
  if (!rest.empty() && (rest.front() != ':' || !parse_port(rest.substr(1), port))) return false;
  host = name;
  return true;
}

std::string format_endpoint(std::string_view host, std::uint16_t port) {
  const bool v6 = host.find(':') != host.npos;
  std::string text = v6 ? "[" : "";
  text.append(host).append(v6 ? "]:" : ":").append(std::to_string(port));
  return text;
}

std::optional<HttpAddress> parse_http_url(std::string_view url, std::uint16_t usual_port) {
  HttpAddress address{{}, usual_port, url.starts_with(encrypted_scheme)};
  if (!address.is_encrypted && !url.starts_with(plain_scheme)) return {};
  url.remove_prefix(address.is_encrypted ? encrypted_scheme.size() : plain_scheme.size());
  if (url.ends_with('/')) url.remove_suffix(1);
  if (!parse_endpoint(url, address.host, address.port)) return {};
  return address;
}

std::vector<HttpAddress> parse_http_urls(std::string_view urls, std::uint16_t usual_port) {
  std::vector<HttpAddress> addresses;
  while (true) {
    const auto comma = urls.find(',');
    auto address = parse_http_url(urls.substr(0, comma), usual_port);
    if (!address || std::ranges::find(addresses, *address) != addresses.end()) return {};
    addresses.push_back(std::move(*address));
    if (comma == urls.npos) return addresses;
    urls.remove_prefix(comma + 1);
  }
}

std::string format_http_url(const HttpAddress& address) {
  return std::string(address.is_encrypted ? encrypted_scheme : plain_scheme) +
         format_endpoint(address.host, address.port);
}

struct NameLookup::State {
  using Resolver = asio::ip::basic_resolver<asio::ip::tcp, Executor>;

  State(asio::io_context& io, std::string host_, std::uint16_t port_)
      : resolver(io), host(std::move(host_)), port(port_) {}

  void finish(error_code error, const Resolver::results_type& results) {
    running = false;
    TcpEndpoints endpoints;
    for (const auto& result : results) endpoints.push_back(result.endpoint());
    if (!error && endpoints.empty()) error = asio::error::host_not_found;
    if (!error) last_known = endpoints;
    // If the name server is down, use the last known addresses.
    if (error && !last_known.empty()) error = {};
    const auto answer = last_known;
    for (auto& done : std::exchange(waiting, {})) done(error, answer);
  }

  Resolver resolver;
  std::string host;
  std::uint16_t port;
  bool running = false;
  std::vector<Done> waiting;
  TcpEndpoints last_known;
};

NameLookup::NameLookup(asio::io_context& io, std::string host, std::uint16_t port)
    : state_(std::make_shared<State>(io, std::move(host), port)) {}

NameLookup::~NameLookup() {
  state_->waiting.clear();
  state_->resolver.cancel();
}

void NameLookup::find(Done done) {
  error_code error;
  const auto address = asio::ip::make_address(state_->host, error);
  if (!error) return done({}, {{address, state_->port}});
  state_->waiting.push_back(std::move(done));
  if (state_->running) return;
  state_->running = true;
  state_->resolver.async_resolve(
      state_->host, std::to_string(state_->port), asio::ip::resolver_base::numeric_service,
      [state = state_](error_code failed, const State::Resolver::results_type& results) {
        state->finish(failed, results);
      });
}

}  // namespace revoked::cache
