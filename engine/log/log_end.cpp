#include "engine/log/log_end.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>

namespace revoked::engine {
namespace {

constexpr std::uint64_t mark_magic = 0x31646e65'6b7672;  // "rvkend1"
constexpr std::size_t page_bytes = 4096;

struct MarkLayout {
  std::uint64_t magic;
  std::uint64_t number;
  BlockSum sum;
  std::uint64_t check;
};

std::uint64_t check_of(const MarkLayout& layout) { return XXH3_64bits(&layout, offsetof(MarkLayout, check)); }

MarkLayout layout_of(const LogEnd::Mark& mark) {
  MarkLayout layout{mark_magic, mark.number, mark.sum, 0};
  layout.check = check_of(layout);
  return layout;
}

// Two marks, written alternately: a process killed between two stores leaves one of them valid.
struct Page {
  MarkLayout marks[2];
};

}  // namespace

result<std::unique_ptr<LogEnd>> LogEnd::open(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return errno_code();
  std::unique_ptr<LogEnd> end(new LogEnd(file, nullptr));
  if (::flock(file, LOCK_EX | LOCK_NB) != 0)
    return errno == EWOULDBLOCK ? boost::system::error_code(errc::storage_in_use) : errno_code();
  struct stat status {};
  if (::fstat(file, &status) != 0) return errno_code();
  if (status.st_size < static_cast<off_t>(page_bytes)) {
    if (const int failed = ::posix_fallocate(file, 0, page_bytes); failed != 0)
      return boost::system::error_code(failed, boost::system::system_category());
  }
  void* const page = ::mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (page == MAP_FAILED) return errno_code();
  end->page_ = page;
  return end;
}

LogEnd::~LogEnd() {
  if (page_ != nullptr) ::munmap(page_, page_bytes);
  ::close(file_);
}

std::string LogEnd::content_of(const Mark& mark) {
  Page page{};
  page.marks[mark.number % 2] = layout_of(mark);
  std::string content(page_bytes, '\0');
  std::memcpy(content.data(), &page, sizeof page);
  return content;
}

LogEnd::Mark LogEnd::mark() const {
  Mark newest;
  for (const auto& layout : static_cast<const Page*>(page_)->marks) {
    if (layout.magic == mark_magic && layout.check == check_of(layout) && layout.number > newest.number)
      newest = {layout.number, layout.sum};
  }
  return newest;
}

void LogEnd::set(const Mark& mark) {
  const auto layout = layout_of(mark);
  std::memcpy(&static_cast<Page*>(page_)->marks[mark.number % 2], &layout, sizeof layout);
}

}  // namespace revoked::engine
