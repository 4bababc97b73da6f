#pragma once
// Reads the object that asks for a new key, and decides whether this caller may create such a key.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.hpp"
#include "engine/policy.hpp"
#include "net/json_reader.hpp"

namespace revoked::net {

// A creation as asked for. `key` views the strings.
struct AskedKey {
  std::vector<JsonMember> members;
  engine::NewKey key;
  std::string permissions;
  bool has_secret = false;  // its own, or the digest of it; if not, key.digest is for the caller to fill in
  std::string refusal;      // why not, if not empty
};

struct Refusal {
  unsigned status;
  std::string_view code;
  std::string_view detail;  // lives as long as `asked`
};

// Nothing if all is well. `asked` is overwritten; it must outlive what is made of its `key`, and so must
// `principal`.
std::optional<Refusal> read_new_key(AskedKey& asked, std::string_view json, const engine::Engine& engine,
                                    const engine::Principal& principal);

}  // namespace revoked::net
