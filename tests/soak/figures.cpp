#include "tests/soak/figures.hpp"

#include <filesystem>
#include <fstream>
#include <string>

namespace revoked::soak {

Figures figures_of(pid_t process) {
  Figures figures;
  const std::filesystem::path directory = "/proc/" + std::to_string(process);
  std::ifstream status(directory / "status");
  for (std::string word; status >> word;) {
    if (word == "VmRSS:") status >> figures.memory_kib;
    if (word == "Threads:") status >> figures.threads;
  }
  namespace fs = std::filesystem;
  std::error_code ended;
  for (fs::directory_iterator at(directory / "fd", ended), end; !ended && at != end; at.increment(ended)) {
    std::error_code closed;
    const auto what = fs::read_symlink(*at, closed);
    const bool is_file = what.is_absolute() && !what.string().starts_with("/dev/");
    ++(is_file ? figures.files : figures.descriptors);
  }
  return figures;
}

}  // namespace revoked::soak
