#pragma once
// tar archives: the ustar format (POSIX.1-2001, pax, "ustar Interchange Format"). A file is a header, its
// content, and zeros up to a whole block; after the last file come tar_end_bytes of zeros.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/time.hpp"

namespace revoked::engine {

inline constexpr std::uint64_t tar_block_bytes = 512;
inline constexpr std::uint64_t tar_end_bytes = 2 * tar_block_bytes;
inline constexpr std::size_t max_tar_name_bytes = 100;
inline constexpr std::uint64_t max_tar_file_bytes = (std::uint64_t{1} << 33) - 1;

// One block. Mode 0600; the file belongs to the user who unpacks it, or to user 0 if that is root. Name and
// size must be within the limits.
std::string tar_header(std::string_view name, std::uint64_t bytes, UnixMs changed_at);

// What a header block says of a regular file or, with a name that ends in '/', of a directory.
struct TarEntry {
  std::string name;  // relative, without a segment ".."
  std::uint64_t bytes = 0;
};
// Empty: it is no header, its checksum is wrong, or it is of another kind.
std::optional<TarEntry> read_tar_header(std::string_view block);
// What follows a file's content up to a whole block.
inline std::uint64_t tar_padding_bytes(std::uint64_t bytes) {
  return (tar_block_bytes - bytes % tar_block_bytes) % tar_block_bytes;
}

}  // namespace revoked::engine
