#pragma once
// Logs of several segments without the work that it takes to fill them.

#include <cstdint>
#include <filesystem>
#include <vector>

namespace revoked::test {

// The same log in segments of that size, none of them packed; the engine is not running. A batch that is
// there for good is written as it is: so what was written of a segment before is the beginning of what is
// written now. Throws if the log cannot be read.
void make_segments_small(const std::filesystem::path& data_directory, std::uint64_t segment_bytes);

// All but the last.
std::vector<std::filesystem::path> closed_segments(const std::filesystem::path& data_directory);
// Whether it has been packed: otherwise its room was made a MiB at a time.
bool is_packed(const std::filesystem::path& segment);
bool are_packed(const std::filesystem::path& data_directory);  // all that are closed, and there are some

}  // namespace revoked::test
