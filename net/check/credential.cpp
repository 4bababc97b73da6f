#include "net/check/credential.hpp"

#include <algorithm>
#include <stdexcept>

#include "engine/base/base64url.hpp"
#include "engine/base/character_set.hpp"
#include "net/http/header_names.hpp"
#include "net/http/query.hpp"

namespace revoked::net {
namespace {

constexpr auto token_characters =
    engine::letters_and_digits | engine::CharacterSet("!#$%&'*+-.^_`|~");  // RFC 9110, 5.6.2

std::optional<Header> known_header(std::string_view name) {
  for (const auto& known : known_headers) {
    if (equal_ignoring_case(known.name, name)) return known.header;
  }
  return {};
}

// The first of several values. An empty one counts as none: a proxy may send an empty header.
class OneOf {
 public:
  void add(std::string_view value) {
    if (value.empty()) return;
    if (first_.empty()) first_ = value;
    differs_ |= value != first_;
  }
  CredentialPlaces::Found found() const { return {first_, differs_}; }

 private:
  std::string_view first_;
  bool differs_ = false;
};

bool has_scheme(std::string_view authorization, std::string_view scheme) {
  return authorization.size() > scheme.size() && authorization[scheme.size()] == ' ' &&
         equal_ignoring_case(authorization.substr(0, scheme.size()), scheme);
}

std::string_view whole_authorization(const Request& request) {
  const auto value = request[Header::authorization];
  return has_scheme(value, "Bearer") || has_scheme(value, "Basic") ? std::string_view() : value;
}

std::string_view basic(const Request& request, bool is_user, std::string& decoded) {
  constexpr std::string_view scheme = "Basic";
  const auto value = request[Header::authorization];
  if (!has_scheme(value, scheme)) return {};
  auto pair = engine::decode_base64(trim(value.substr(scheme.size())));
  if (!pair) return {};
  decoded = std::move(*pair);
  const auto colon = decoded.find(':');
  if (colon == std::string::npos) return {};
  const std::string_view text = decoded;
  return is_user ? text.substr(0, colon) : text.substr(colon + 1);
}

OneOf values_of(const Request& request, std::string_view name) {
  OneOf values;
  auto lines = request.header_lines;
  for (auto value = next_value(lines, name); value.data() != nullptr; value = next_value(lines, name))
    values.add(value);
  return values;
}

CredentialPlaces::Found in_header(const Request& request, const std::string& name,
                                  std::optional<Header> known) {
  // One that is kept is refused by the server if it is repeated.
  if (known) return {request[*known], false};
  return values_of(request, name).found();
}

// The query of the request that the client sent to the proxy.
CredentialPlaces::Found original_query(const Request& request) {
  OneOf targets;
  for (const auto* name : {"x-original-uri", "x-forwarded-uri"}) {
    const auto target = values_of(request, name).found();
    if (target.is_ambiguous) return target;
    targets.add(target.secret);
  }
  auto target = targets.found();
  if (target.secret.empty() || target.is_ambiguous) return {request.query, target.is_ambiguous};
  take_until(target.secret, '?');
  return {take_until(target.secret, '#'), false};
}

CredentialPlaces::Found in_query(const Request& request, const std::string& name, std::string& decoded) {
  auto query = original_query(request);
  if (query.is_ambiguous) return query;
  std::string name_text;
  OneOf values;
  while (!query.secret.empty()) {
    auto value = take_until(query.secret, '&');
    name_text.clear();
    if (decode_form(take_until(value, '='), name_text) && name_text == name) values.add(value);
  }
  const auto found = values.found();
  decoded.clear();
  if (found.secret.empty() || !decode_form(found.secret, decoded)) return {};
  return {decoded, found.is_ambiguous};
}

// RFC 6265, 4.2.1; the value as sent, without the quotes that it may have.
CredentialPlaces::Found in_cookie(const Request& request, const std::string& name) {
  OneOf values;
  auto lines = request.header_lines;
  for (auto pairs = next_value(lines, "cookie"); pairs.data() != nullptr;
       pairs = next_value(lines, "cookie")) {
    while (!pairs.empty()) {
      auto value = trim(take_until(pairs, ';'));
      if (take_until(value, '=') != name) continue;
      if (value.size() > 1 && value.front() == '"' && value.back() == '"')
        value = value.substr(1, value.size() - 2);
      values.add(value);
    }
  }
  return values.found();
}

// A browser cannot set headers for a WebSocket, but names subprotocols (RFC 6455, 11.3.4).
CredentialPlaces::Found in_protocols(const Request& request, const std::string& name) {
  OneOf values;
  bool is_next = false;
  auto lines = request.header_lines;
  constexpr std::string_view header = "sec-websocket-protocol";
  for (auto list = next_value(lines, header); list.data() != nullptr; list = next_value(lines, header)) {
    while (!list.empty()) {
      const auto protocol = trim(take_until(list, ','));
      if (is_next) values.add(protocol);
      is_next = protocol == name;
      if (protocol.size() > name.size() + 1 && protocol.starts_with(name) && protocol[name.size()] == '.')
        values.add(protocol.substr(name.size() + 1));
    }
  }
  return values.found();
}

}  // namespace

const CredentialPlaces::Form CredentialPlaces::forms[] = {
    {"bearer", Kind::bearer, false},
    {"header", Kind::header, true},
    {"authorization", Kind::authorization, false},
    {"basic-user", Kind::basic_user, false},
    {"basic-password", Kind::basic_password, false},
    {"query", Kind::query, true},
    {"cookie", Kind::cookie, true},
    {"websocket-protocol", Kind::websocket_protocol, true},
};

CredentialPlaces::CredentialPlaces(std::string_view list) {
  const auto whole = list;
  while (!list.empty()) places_.push_back(parse(trim(take_until(list, ','))));
  if (places_.empty() || whole.ends_with(',')) throw std::invalid_argument("a place is missing");
}

CredentialPlaces::Place CredentialPlaces::parse(std::string_view text) {
  const auto wrong = [text](const std::string& why) {
    return std::invalid_argument("'" + std::string(text) + "' " + why);
  };
  auto name = text;
  const auto form = std::ranges::find(forms, take_until(name, ':'), &Form::text);
  if (form == std::end(forms))
    throw wrong(
        "is none of bearer, header:NAME, authorization, basic-user, basic-password, query:NAME, cookie:NAME, "
        "websocket-protocol:NAME");
  if (form->has_name && name.empty()) throw wrong("needs a name: " + std::string(form->text) + ":NAME");
  if (!form->has_name && text.find(':') != std::string_view::npos) throw wrong("has a name, but takes none");
  if (form->kind != Kind::query && !token_characters.has_all(name))
    throw wrong("has a name that no request can have");
  Place place{form->kind, std::string(name), {}};
  if (place.kind == Kind::header) place.known = known_header(name);
  return place;
}

CredentialPlaces::Found CredentialPlaces::find(const Request& request, std::string& decoded) const {
  for (const auto& place : places_) {
    const auto found = find_in(place, request, decoded);
    if (!found.is_none()) return found;
  }
  return {};
}

CredentialPlaces::Found CredentialPlaces::find_in(const Place& place, const Request& request,
                                                  std::string& decoded) {
  switch (place.kind) {
    case Kind::bearer:
      return {bearer_of(request), false};
    case Kind::header:
      return in_header(request, place.name, place.known);
    case Kind::authorization:
      return {whole_authorization(request), false};
    case Kind::basic_user:
      return {basic(request, true, decoded), false};
    case Kind::basic_password:
      return {basic(request, false, decoded), false};
    case Kind::query:
      return in_query(request, place.name, decoded);
    case Kind::cookie:
      return in_cookie(request, place.name);
    case Kind::websocket_protocol:
      return in_protocols(request, place.name);
  }
  return {};
}

}  // namespace revoked::net
