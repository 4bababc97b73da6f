// The system's tar unpacks these archives.

#include "engine/base/tar.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::tar_test {

namespace fs = std::filesystem;

std::string read_all(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void add(std::string& archive, std::string_view name, std::string_view content) {
  archive.append(tar_header(name, content.size(), 1'767'323'045'678)).append(content);
  archive.resize((archive.size() + tar_block_bytes - 1) / tar_block_bytes * tar_block_bytes);
}

TEST(Tar, IsUnpackedByTheSystemsOwn) {
  const revoked::test::TemporaryDirectory directory;
  const std::string longest(max_tar_name_bytes, 'n');
  std::string archive;
  add(archive, "folder/empty", "");
  add(archive, "folder/one", "x");
  add(archive, "whole", std::string(2 * tar_block_bytes, '\xff'));
  add(archive, longest, "named");
  archive.append(tar_end_bytes, '\0');
  std::ofstream(directory / "archive.tar", std::ios::binary) << archive;
  // It reports every deviation from the format.
  const auto unpacked = "cd " + directory.path().native() + " && tar -x -f archive.tar 2>complaints";
  ASSERT_EQ(std::system(unpacked.c_str()), 0) << read_all(directory / "complaints");
  EXPECT_EQ(read_all(directory / "complaints"), "");
  EXPECT_EQ(read_all(directory / "folder/empty"), "");
  EXPECT_EQ(read_all(directory / "folder/one"), "x");
  EXPECT_EQ(read_all(directory / "whole"), std::string(2 * tar_block_bytes, '\xff'));
  EXPECT_EQ(read_all(directory / longest), "named");
  EXPECT_EQ(fs::status(directory / "whole").permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

// POSIX.1-2001, pax, "ustar Interchange Format", to the byte.
TEST(Tar, HasTheFieldsOfTheFormat) {
  const auto header = tar_header("log/end", 4096, 1'767'323'045'678);
  ASSERT_EQ(header.size(), tar_block_bytes);
  const auto field = [&](std::size_t at, std::size_t size) { return header.substr(at, size); };
  EXPECT_EQ(field(0, 8), std::string("log/end\0", 8));
  EXPECT_EQ(field(100, 24), std::string("0000600\0"
                                        "0000000\0"
                                        "0000000\0",
                                        24));
  EXPECT_EQ(field(124, 12), std::string("00000010000\0", 12));
  EXPECT_EQ(std::stoll(field(136, 11), nullptr, 8), 1'767'323'045);
  EXPECT_EQ(field(156, 1), "0");
  EXPECT_EQ(field(257, 8), std::string("ustar\0"
                                       "00",
                                       8));
  auto summed = header;
  summed.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const unsigned char byte : summed) sum += byte;
  EXPECT_EQ(std::stoul(field(148, 6), nullptr, 8), sum);
  EXPECT_EQ(field(154, 2), std::string("\0 ", 2));
}

TEST(Tar, IsReadBack) {
  for (const auto* const name : {"log/end", "a", "log/..part"}) {
    const auto entry = read_tar_header(tar_header(name, 4097, 0));
    ASSERT_TRUE(entry) << name;
    EXPECT_EQ(entry->name, name);
    EXPECT_EQ(entry->bytes, 4097u);
  }
  EXPECT_EQ(read_tar_header(tar_header("a", max_tar_file_bytes, 0))->bytes, max_tar_file_bytes);
  EXPECT_EQ(tar_padding_bytes(0), 0u);
  EXPECT_EQ(tar_padding_bytes(1), tar_block_bytes - 1);
  EXPECT_EQ(tar_padding_bytes(tar_block_bytes), 0u);
}

TEST(Tar, ReadsWhatTheSystemsOwnPacks) {
  const revoked::test::TemporaryDirectory directory;
  const std::string folder(90, 'f');
  const auto packed = "cd " + directory.path().native() + " && mkdir -p log/" + folder + " && echo x > log/" +
                      folder + "/end && tar -c --format=ustar -f archive.tar log";
  ASSERT_EQ(std::system(packed.c_str()), 0);
  const auto archive = read_all(directory / "archive.tar");
  const auto entry = [&](std::size_t block) {
    return read_tar_header(archive.substr(block * tar_block_bytes, tar_block_bytes));
  };
  EXPECT_EQ(entry(0)->name, "log/");
  EXPECT_EQ(entry(2)->name, "log/" + folder + "/end");
  EXPECT_EQ(entry(2)->bytes, 2u);
  EXPECT_FALSE(entry(3)) << "content";
  EXPECT_FALSE(entry(4)) << "the end";
}

TEST(Tar, ReadsNothingThatLeavesTheFolder) {
  for (const auto* const name : {"", "/etc/passwd", "..", "../a", "a/../b", "a/.."})
    EXPECT_FALSE(read_tar_header(tar_header(name, 1, 0))) << name;
  auto damaged = tar_header("a", 1, 0);
  damaged[124] = '1';
  EXPECT_FALSE(read_tar_header(damaged));
  auto link = tar_header("a", 0, 0);
  link[156] = '2';
  link[153] = static_cast<char>(link[153] + 2);  // the checksum
  EXPECT_FALSE(read_tar_header(link));
}

TEST(Tar, TellsTheLargestSize) {
  EXPECT_EQ(tar_header("a", max_tar_file_bytes, 0).substr(124, 12), std::string("77777777777\0", 12));
}

}  // namespace revoked::engine::tar_test
