#include "net/openapi/texts.hpp"

namespace revoked::net::openapi {

const std::string_view program_version = REVOKED_VERSION;

std::string_view text_of(std::string_view name) {
  constexpr std::string_view extension = ".json";
  for (const auto& file : openapi_files) {
    if (file.name.ends_with(extension) && file.name.substr(0, file.name.size() - extension.size()) == name)
      return file.content;
  }
  return {};
}

}  // namespace revoked::net::openapi
