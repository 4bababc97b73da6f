#pragma once
// Damage to files, as by disks and people, at places chosen by a seed.

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
  older,    // an earlier copy of the file
  swapped,  // with another file of its kind
};
inline constexpr Damage all_damages[] = {Damage::flipped_bit, Damage::zeroed_sector, Damage::zeroed_block,
                                         Damage::cut,         Damage::cut_whole,     Damage::emptied,
                                         Damage::removed,     Damage::older,         Damage::swapped};

struct Inflicted {
  std::string text;                // for a message
  std::vector<std::string> files;  // within the directory
  // Its range within the file: from the start of the first damaged block to the end of the damage.
  std::optional<std::pair<std::uint64_t, std::uint64_t>> bytes;
  // The overwritten bytes, and their place.
  std::uint64_t at = 0;
  std::string was;
};

// Damages a file of `directory`; `before` is an earlier copy of the directory. Nothing: the file would not
// change.
std::optional<Inflicted> inflict(Damage damage, const std::filesystem::path& directory,
                                 const std::string& file, const std::filesystem::path& before,
                                 std::mt19937& random);

// Restores the overwritten bytes.
void undo(const Inflicted& done, const std::filesystem::path& directory);

// Of the files in a directory and its subdirectories.
std::vector<std::string> names_of_files(const std::filesystem::path& directory);

}  // namespace revoked::test
