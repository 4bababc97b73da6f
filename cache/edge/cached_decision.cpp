#include "cache/edge/cached_decision.hpp"

#include <cstring>

#include "engine/base/uuid.hpp"

namespace revoked::cache {
namespace {

using engine::Uuid;

constexpr std::size_t uuid_bytes = sizeof(Uuid);
constexpr std::uint8_t uuid_size = 0xff;  // in place of an id's size

}  // namespace

bool pack(const Ids& ids, PackedIds& packed) {
  packed = {};
  auto* const bytes = reinterpret_cast<std::uint8_t*>(packed.data());
  std::size_t at = 0;
  for (const auto id : ids) {
    Uuid uuid;
    const bool is_uuid = engine::parse_uuid(id, uuid);
    const auto size = is_uuid ? uuid_bytes : id.size();
    if (size >= uuid_size || at + 1 + size > sizeof packed) return false;
    bytes[at] = is_uuid ? uuid_size : static_cast<std::uint8_t>(size);
    if (size != 0) std::memcpy(bytes + at + 1, is_uuid ? static_cast<const void*>(&uuid) : id.data(), size);
    at += 1 + size;
  }
  return true;
}

std::string_view unpack(const PackedIds& packed, std::size_t which, IdBuffer& buffer) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(packed.data());
  for (; which != 0; --which) bytes += 1 + (*bytes == uuid_size ? uuid_bytes : *bytes);
  if (*bytes == uuid_size) {
    Uuid uuid;
    std::memcpy(&uuid, bytes + 1, sizeof uuid);
    engine::write_uuid(uuid, buffer.text.data());
    return {buffer.text.data(), buffer.text.size()};
  }
  return {reinterpret_cast<const char*>(bytes + 1), *bytes};
}

Ids ids_of(const Decision& decision) {
  return {decision.key_id, decision.user, decision.application, decision.workspace};
}

}  // namespace revoked::cache
