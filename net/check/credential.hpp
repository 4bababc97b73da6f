#pragma once
// Where a client's key may stand in a request (`--credential`). Constant: any thread may call it.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http/request.hpp"

namespace revoked::net {

class CredentialPlaces {
 public:
  // Comma-separated, the first found counts:
  //   bearer                   Authorization: Bearer KEY
  //   header:NAME              NAME: KEY
  //   authorization            Authorization: KEY
  //   basic-user               the user of Authorization: Basic (RFC 7617)
  //   basic-password           the password of it
  //   query:NAME               ?NAME=KEY in X-Original-URI or X-Forwarded-Uri, else in the request's own
  //   target cookie:NAME              Cookie: NAME=KEY websocket-protocol:NAME  Sec-WebSocket-Protocol: NAME,
  //   KEY  or  NAME.KEY
  // Throws std::invalid_argument, for people.
  explicit CredentialPlaces(std::string_view list = usual);
  static constexpr std::string_view usual = "bearer,header:X-API-Key";

  struct Found {
    std::string_view secret;  // empty: there is none. Of the request, or of `decoded`
    // A place has two values that differ: the service could read the other one.
    bool is_ambiguous = false;
    bool is_none() const { return secret.empty() && !is_ambiguous; }
  };
  // `decoded` holds what had to be decoded.
  Found find(const Request& request, std::string& decoded) const;

 private:
  enum class Kind : std::uint8_t {
    bearer,
    header,
    authorization,
    basic_user,
    basic_password,
    query,
    cookie,
    websocket_protocol
  };
  struct Form {
    std::string_view text;
    Kind kind;
    bool has_name;
  };
  static const Form forms[];
  struct Place {
    Kind kind;
    std::string name;
    std::optional<Header> known;  // of a header that every request keeps
  };

  static Place parse(std::string_view text);
  static Found find_in(const Place& place, const Request& request, std::string& decoded);

  std::vector<Place> places_;
};

}  // namespace revoked::net
