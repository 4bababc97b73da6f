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
  // Computed with blanks in the checksum field itself, which ends with a zero and a blank.
  std::fill_n(header.checksum, sizeof header.checksum, ' ');
  std::string block(reinterpret_cast<const char*>(&header), sizeof header);
  std::uint64_t sum = 0;
  for (const unsigned char byte : block) sum += byte;
  char digits[7];
  write_octal(digits, sum);
  block.replace(offsetof(Header, checksum), sizeof digits, digits, sizeof digits);
  return block;
}

}  // namespace revoked::engine
