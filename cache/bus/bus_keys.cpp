#include "cache/bus/bus_keys.hpp"

#include <algorithm>

#include "engine/base/base64url.hpp"
#include "engine/base/digest.hpp"
#include "engine/base/options.hpp"
#include "engine/model/key_file.hpp"

namespace revoked::cache {
namespace {

constexpr std::string_view before_mac = ",\"mac\":\"";
constexpr std::string_view after_mac = "\"}";

std::string mac_of(std::string_view key, std::string_view text) {
  const auto mac = engine::hmac_sha256(key, text);
  return engine::encode_base64url({reinterpret_cast<const char*>(mac.data()), mac.size()});
}

}  // namespace

std::string BusKeys::sign(std::string_view message) const {
  message.remove_suffix(1);  // the closing brace
  std::string text(message);
  text.append(before_mac).append(mac_of(keys_.front(), message)).append(after_mac);
  return text;
}

bool BusKeys::is_signed(std::string_view message) const {
  constexpr std::size_t mac_size = 43;  // 256 bits in groups of 6
  constexpr auto tail = before_mac.size() + mac_size + after_mac.size();
  if (message.size() <= tail || !message.ends_with(after_mac)) return false;
  const auto text = message.substr(0, message.size() - tail);
  const auto signature = message.substr(text.size());
  if (!signature.starts_with(before_mac)) return false;
  const auto mac = signature.substr(before_mac.size(), mac_size);
  return std::any_of(keys_.begin(), keys_.end(), [&](const std::string& key) {
    return engine::equal_in_constant_time(mac, mac_of(key, text));
  });
}

BusKeys read_bus_keys(const std::string& path) {
  constexpr std::size_t least_key_size = 16;
  if (path.empty()) return BusKeys();
  auto keys = engine::read_keys(path);
  for (const auto& key : keys) {
    if (key.size() < least_key_size)
      throw engine::ConfigurationError("--bus-key-file: a key in " + path + " has fewer than 16 characters");
  }
  return BusKeys(std::move(keys));
}

}  // namespace revoked::cache
