#pragma once
// The packages of npm that tests use: tests/npm/package.json.

#include <filesystem>

namespace revoked::test {

// The folder node_modules, for NODE_PATH; in the build directory, installed once. Throws std::runtime_error,
// in one line, if npm cannot install them.
std::filesystem::path node_packages();

}  // namespace revoked::test
