#include "net/http/watched_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "engine/base/time.hpp"

namespace revoked::net {
namespace {

boost::system::error_code system_error() { return {errno, boost::system::system_category()}; }

bool same(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

// ctime too: it changes even where mtime is set back, as `cp -p` and `touch -d` do.
bool same(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         same(a.st_mtim, b.st_mtim) && same(a.st_ctim, b.st_ctim);
}

// Two writes within one tick of the file system's clock leave the same times, so a file changed within the
// last two seconds is read again.
bool was_just_changed(const struct stat& status) {
  return status.st_ctim.tv_sec + 2 >= engine::now_unix_ms() / 1000;
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

engine::result<std::string> WatchedFile::read() {
  seen_.reset();
  // O_NONBLOCK: opening a FIFO would wait for its writer.
  const Descriptor file{::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat status {};
  if (file.fd < 0 || ::fstat(file.fd, &status) != 0) return system_error();
  if (!S_ISREG(status.st_mode)) return engine::errc::malformed;
  std::string content(max_bytes_ + 1, '\0');
  std::size_t size = 0;
  while (size < content.size()) {
    const auto got = ::read(file.fd, content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error();
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (!was_just_changed(status)) seen_ = status;
  if (size > max_bytes_) return engine::errc::malformed;
  content.resize(size);
  return content;
}

std::optional<engine::result<std::string>> WatchedFile::fail(boost::system::error_code error) {
  if (error == error_) return {};
  error_ = error;
  return error;
}

std::optional<engine::result<std::string>> WatchedFile::poll() {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) {
    seen_.reset();
    return fail(system_error());
  }
  if (seen_ && same(*seen_, status)) return {};
  auto content = read();
  if (!content) return fail(content.error());
  const auto digest = engine::sha256(*content);
  if (digest == content_ && !error_) return {};
  error_ = {};
  content_ = digest;
  return content;
}

}  // namespace revoked::net
