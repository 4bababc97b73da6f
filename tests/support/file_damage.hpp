#pragma once
// What disks and people do to files, at places that a seed chooses.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace revoked::test {

enum class Damage {
  flipped_bit,
  zeroed_sector,
  zeroed_block,
  cut,        // anywhere
  cut_whole,  // at a multiple of 1 MiB
  emptied,
  removed,
  older,    // a copy of itself from before
  swapped,  // with another one of its kind
};
inline constexpr Damage all_damages[] = {Damage::flipped_bit, Damage::zeroed_sector, Damage::zeroed_block,
                                         Damage::cut,         Damage::cut_whole,     Damage::emptied,
                                         Damage::removed,     Damage::older,         Damage::swapped};

struct Inflicted {
  std::string text;                // for a message
  std::vector<std::string> files;  // within the directory
  // Where it is within the file: from the block in which it begins to where it ends.
  std::optional<std::pair<std::uint64_t, std::uint64_t>> bytes;
  // Where something was overwritten, what was there.
  std::uint64_t at = 0;
  std::string was;
};

// Damages a file of `directory`; `before` is a copy of the directory from earlier. Nothing: it would be as it
// was.
std::optional<Inflicted> inflict(Damage damage, const std::filesystem::path& directory,
                                 const std::string& file, const std::filesystem::path& before,
                                 std::mt19937& random);

// What was overwritten is as it was.
void undo(const Inflicted& done, const std::filesystem::path& directory);

// Of the files in a directory and below.
std::vector<std::string> names_of_files(const std::filesystem::path& directory);

}  // namespace revoked::test
