#pragma once
// A small file system on a directory: a tmpfs in a mount namespace of the calling thread's own, which the
// threads and processes that it starts from then on share.

#include <sched.h>
#include <sys/mount.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace revoked::test {

class SmallDisk {
 public:
  static constexpr auto why_not = "this takes the right to mount a tmpfs";

  // What is in the directory is hidden. `size` as mount takes it, such as "64m".
  SmallDisk(std::filesystem::path directory, const std::string& size) : directory_(std::move(directory)) {
    is_mounted_ = ::unshare(CLONE_NEWNS) == 0 &&
                  ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                  ::mount("tmpfs", directory_.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
  }
  ~SmallDisk() {
    if (is_mounted_) ::umount2(directory_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool is_mounted() const { return is_mounted_; }
  bool remount(const std::string& size, unsigned long flags = 0) {
    return ::mount("tmpfs", directory_.c_str(), "tmpfs", MS_REMOUNT | flags, ("size=" + size).c_str()) == 0;
  }
  // As if something else had filled it: all but `left` bytes are taken, until it is emptied.
  void fill(std::uintmax_t left) const {
    std::ofstream(filler(), std::ios::binary);  // its own entry takes room as well
    const auto room = std::filesystem::space(directory_).available;
    std::ofstream(filler(), std::ios::binary) << std::string(room > left ? room - left : 0, 'x');
  }
  void empty() const { std::filesystem::remove(filler()); }

 private:
  std::filesystem::path filler() const { return directory_ / "filler"; }

  const std::filesystem::path directory_;
  bool is_mounted_ = false;
};

}  // namespace revoked::test
