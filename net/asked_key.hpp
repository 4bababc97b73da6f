#pragma once
// Creating a key as a request asks for it, in whichever dialect.

#include <optional>
#include <string>
#include <vector>

#include "net/api.hpp"
#include "net/json_reader.hpp"

namespace revoked::net {

// `key` views the other members' strings, so this does not move once it has been read.
struct AskedKey {
  explicit AskedKey(std::vector<JsonMember> asked_members) : members(std::move(asked_members)) {}
  AskedKey(const AskedKey&) = delete;

  std::vector<JsonMember> members;
  engine::NewKey key;
  std::string permissions;
  std::string issued_secret;  // empty if the request brought its own
  std::string refusal;        // why not, if not empty
};

// Reads the members, checks that the caller may grant all that, and creates the key. Nothing: the answer is
// sent.
std::optional<engine::CreatedKey> create_asked_key(Api& api, Call& call, AskedKey& asked);

}  // namespace revoked::net
