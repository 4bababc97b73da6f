#pragma once
// Signatures of bus messages: a message ends in `,"mac":"…"}`, the base64url (without padding) of the
// HMAC-SHA-256 over everything before `,"mac"`. Immutable, usable from any thread.

#include <string>
#include <string_view>
#include <vector>

namespace revoked::cache {

class BusKeys {
 public:
  // The first key signs, all keys verify, so a key can be rotated without downtime. Empty: messages are not
  // signed.
  explicit BusKeys(std::vector<std::string> keys = {}) : keys_(std::move(keys)) {}

  bool empty() const { return keys_.empty(); }
  std::string sign(std::string_view message) const;  // `message` is one JSON object
  bool is_signed(std::string_view message) const;    // by one of the keys

 private:
  std::vector<std::string> keys_;
};

// Of the file that --bus-key-file names; no keys if `path` is empty. Throws ConfigurationError.
BusKeys read_bus_keys(const std::string& path);

}  // namespace revoked::cache
