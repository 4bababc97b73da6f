#include "net/http/shown.hpp"

#include "engine/base/text.hpp"

namespace revoked::net {

bool is_showable(std::string_view text) {
  constexpr std::size_t most = 32;
  return text.size() <= most && engine::is_printable_utf8(text);
}

std::string shown(std::string_view text) {
  if (!is_showable(text)) return "(" + std::to_string(text.size()) + " bytes)";
  return "\"" + std::string(text) + "\"";
}

}  // namespace revoked::net
