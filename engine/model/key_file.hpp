#pragma once
// Files of keys, one a line.

#include <string>
#include <vector>

namespace revoked::engine {

// The non-empty lines; those that start with '#' are comments. At least one. Throws ConfigurationError.
std::vector<std::string> read_keys(const std::string& path);

}  // namespace revoked::engine
