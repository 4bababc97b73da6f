#pragma once
// The key that signs messages on Redis, as options of engine and gateways.

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::test {

class SignedBus {
 public:
  static constexpr std::string_view key = "the-key-of-the-bus-0123456789";

  SignedBus() { write_file(file(), std::string(key) + "\n"); }

  // With further options of a program.
  std::vector<std::string> arguments(std::vector<std::string> more = {}) const {
    more.insert(more.end(), {"--bus-key-file", file()});
    return more;
  }

 private:
  std::string file() const { return directory_ / "bus.key"; }

  TemporaryDirectory directory_;
};

}  // namespace revoked::test
