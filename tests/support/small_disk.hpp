#pragma once
// A small file system on a directory: a tmpfs in a private mount namespace of the calling thread, shared by
// the threads and processes that it starts afterwards.

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

namespace revoked::test {

class SmallDisk {
 public:
  static constexpr auto why_not = "this takes the right to mount a tmpfs";

  // Existing files of the directory are hidden. `size` as for mount, such as "64m".
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
  // Fills it with another file: all but `left` bytes are taken, until it is emptied. Again: also what has
  // become free since.
  void fill(std::uintmax_t left) const {
    const int file = ::open(filler().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);  // takes space by itself
    const auto room = std::filesystem::space(directory_).available;
    const auto end = ::lseek(file, 0, SEEK_END);
    if (room > left) (void)::posix_fallocate(file, end, static_cast<off_t>(room - left));
    ::close(file);
  }
  void empty() const { std::filesystem::remove(filler()); }

 private:
  std::filesystem::path filler() const { return directory_ / "filler"; }

  const std::filesystem::path directory_;
  bool is_mounted_ = false;
};

}  // namespace revoked::test
