#include "tests/support/node_packages.hpp"

#include <chrono>
#include <stdexcept>

#include "tests/support/process.hpp"
#include "tests/support/revoked_programs.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::test {

std::filesystem::path node_packages() {
  using namespace std::chrono_literals;
  const auto folder = program("revoked").parent_path().parent_path() / "npm";
  const TemporaryDirectory directory;
  Process install({.command = {source_directory() / "tests/npm/install", folder}, .log = directory / "log"});
  if (install.wait(180s) != 0) throw std::runtime_error(install.log_text());
  return folder / "node_modules";
}

}  // namespace revoked::test
