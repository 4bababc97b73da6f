#pragma once
// Logs of several segments without the work of filling 64 MiB each.

#include <cstdint>
#include <filesystem>
#include <vector>

namespace revoked::test {

// Rewrites the log in segments of that size, none of them packed; the engine must not run. Batches are
// written unchanged, so a segment that was rewritten before is the beginning of its new version. Throws if
// the log cannot be read.
void make_segments_small(const std::filesystem::path& data_directory, std::uint64_t segment_bytes);

// All segments but the last.
std::vector<std::filesystem::path> closed_segments(const std::filesystem::path& data_directory);
// Whether it is packed: otherwise its space was allocated one MiB at a time.
bool is_packed(const std::filesystem::path& segment);
bool are_packed(const std::filesystem::path& data_directory);  // all closed ones; at least one

}  // namespace revoked::test
