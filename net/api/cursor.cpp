#include "net/api/cursor.hpp"

#include <stdexcept>

#include "engine/base/base64url.hpp"
#include "engine/base/random.hpp"
#include "net/api/aead.hpp"

namespace revoked::net {
namespace {

// The length of the place, the place, zeros.
constexpr std::size_t padded_size = 1 + max_place_size;
constexpr std::size_t sealed_size = padded_size + aead_overhead;

const AeadKey& key() {
  static const auto drawn = [] {
    AeadKey bytes;
    engine::random_bytes(bytes.data(), bytes.size());
    return bytes;
  }();
  return drawn;
}

}  // namespace

std::string seal_cursor(std::string_view place) {
  if (place.size() > max_place_size) throw std::length_error("the place is too long for a cursor");
  std::string padded(1, static_cast<char>(place.size()));
  padded.append(place).resize(padded_size);
  return engine::encode_base64url(aead_seal(key(), padded));
}

std::optional<std::string> open_cursor(std::string_view cursor) {
  if (cursor.size() > 2 * sealed_size) return {};
  const auto decoded = engine::decode_base64url(cursor);
  if (!decoded || decoded->size() != sealed_size) return {};
  const auto padded = aead_open(key(), *decoded);
  if (!padded) return {};
  return padded->substr(1, static_cast<unsigned char>(padded->front()));
}

}  // namespace revoked::net
