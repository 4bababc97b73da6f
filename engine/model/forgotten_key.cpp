#include "engine/model/forgotten_key.hpp"

#include <bit>
#include <cstdint>
#include <cstring>

namespace revoked::engine {
namespace {

static_assert(std::endian::native == std::endian::little, "the journal is little endian");

struct [[gnu::packed]] Rest {
  Sequence created;
  Sequence revoked;
  UnixMs expires_at;
  std::uint8_t is_edited;
  std::uint16_t secrets;
};

}  // namespace

void append_forgotten(std::string& out, const ForgottenKey& key) {
  const Rest rest{key.created, key.revoked, key.expires_at, key.is_edited,
                  static_cast<std::uint16_t>(key.secrets.size() / digest_head_bytes)};
  out.push_back(static_cast<char>(key.key_id.size()));
  out.append(key.key_id).append(reinterpret_cast<const char*>(&rest), sizeof rest).append(key.secrets);
}

bool for_each_forgotten(std::string_view bytes, const std::function<void(const ForgottenKey&)>& visit) {
  const auto take = [&](std::size_t size) {
    const auto taken = bytes.substr(0, size);
    bytes.remove_prefix(taken.size());
    return taken;
  };
  while (!bytes.empty()) {
    const std::size_t id_size = static_cast<std::uint8_t>(take(1).front());
    Rest rest;
    if (bytes.size() < id_size + sizeof rest) return false;
    ForgottenKey key;
    key.key_id = take(id_size);
    std::memcpy(&rest, take(sizeof rest).data(), sizeof rest);
    if (bytes.size() < rest.secrets * digest_head_bytes) return false;
    key.created = rest.created;
    key.revoked = rest.revoked;
    key.expires_at = rest.expires_at;
    key.is_edited = rest.is_edited != 0;
    key.secrets = take(rest.secrets * digest_head_bytes);
    visit(key);
  }
  return true;
}

}  // namespace revoked::engine
