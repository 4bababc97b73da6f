#include "engine/base/tar.hpp"

#include <algorithm>
#include <cstring>

namespace revoked::engine {
namespace {

struct Header {
  char name[max_tar_name_bytes];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link_name[100];
  char magic[6];
  char version[2];
  char user[32];
  char group[32];
  char device_major[8];
  char device_minor[8];
  char prefix[155];
  char padding[12];
};
static_assert(sizeof(Header) == tar_block_bytes);

// Octal digits and a terminating zero.
template <std::size_t size>
void write_octal(char (&field)[size], std::uint64_t value) {
  field[size - 1] = '\0';
  for (std::size_t i = size - 1; i-- > 0; value /= 8) field[i] = static_cast<char>('0' + value % 8);
}

// Digits up to a zero or blank; empty: others.
template <std::size_t size>
std::optional<std::uint64_t> read_octal(const char (&field)[size]) {
  std::uint64_t value = 0;
  std::size_t i = 0;
  for (; i < size && field[i] >= '0' && field[i] <= '7'; ++i)
    value = value * 8 + static_cast<std::uint64_t>(field[i] - '0');
  const bool has_ended = i == size || field[i] == '\0' || field[i] == ' ';
  return i > 0 && has_ended ? std::optional(value) : std::nullopt;
}

template <std::size_t size>
std::string_view text_of(const char (&field)[size]) {
  return std::string_view(field, size).substr(0, std::string_view(field, size).find('\0'));
}

// The sum of the bytes, with blanks in the checksum's own field.
std::uint64_t checksum_of(Header header) {
  std::fill_n(header.checksum, sizeof header.checksum, ' ');
  std::uint64_t sum = 0;
  for (const unsigned char byte : std::string_view(reinterpret_cast<const char*>(&header), sizeof header))
    sum += byte;
  return sum;
}

// Within the folder that it is unpacked in.
bool is_inside(std::string_view name) {
  if (name.empty() || name.starts_with('/')) return false;
  while (!name.empty()) {
    const auto segment = name.substr(0, name.find('/'));
    if (segment == "..") return false;
    name.remove_prefix(std::min(segment.size() + 1, name.size()));
  }
  return true;
}

}  // namespace

std::string tar_header(std::string_view name, std::uint64_t bytes, UnixMs changed_at) {
  Header header{};
  name.copy(header.name, sizeof header.name);
  write_octal(header.mode, 0600);
  write_octal(header.uid, 0);
  write_octal(header.gid, 0);
  write_octal(header.size, bytes);
  write_octal(header.mtime, static_cast<std::uint64_t>(std::max<UnixMs>(changed_at, 0)) / 1000);
  header.type = '0';  // a regular file
  std::memcpy(header.magic, "ustar", sizeof header.magic);
  std::fill_n(header.version, sizeof header.version, '0');
  char digits[7];
  write_octal(digits, checksum_of(header));
  std::copy_n(digits, sizeof digits, header.checksum);
  header.checksum[sizeof digits] = ' ';
  return std::string(reinterpret_cast<const char*>(&header), sizeof header);
}

std::optional<TarEntry> read_tar_header(std::string_view block) {
  if (block.size() != tar_block_bytes) return {};
  Header header;
  block.copy(reinterpret_cast<char*>(&header), sizeof header);
  const bool is_file = header.type == '0' || header.type == '\0';
  const auto bytes = read_octal(header.size);
  if (read_octal(header.checksum) != checksum_of(header) || !bytes || !(is_file || header.type == '5'))
    return {};
  TarEntry entry{std::string(text_of(header.prefix)), *bytes};
  if (!entry.name.empty()) entry.name.push_back('/');
  entry.name.append(text_of(header.name));
  if (!is_inside(entry.name) || is_file == entry.name.ends_with('/')) return {};
  return entry;
}

}  // namespace revoked::engine
