#include "engine/model/key_file.hpp"

#include <fstream>
#include <iterator>

#include "engine/base/options.hpp"
#include "engine/model/secret.hpp"

namespace revoked::engine {

std::vector<std::string> read_keys(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw ConfigurationError("cannot read the key file " + path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  auto keys = parse_key_lines(text);
  if (keys.empty()) throw ConfigurationError("the key file " + path + " contains no key");
  return keys;
}

}  // namespace revoked::engine
