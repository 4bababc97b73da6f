#include "cache/library/process_mark.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace revoked::library {
namespace {

// Never unmapped. Without the system's help (Linux before 4.14) children are not told apart.
void* map_page() {
  const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* const page = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::bad_alloc();
  ::madvise(page, size, MADV_WIPEONFORK);
  return page;
}

}  // namespace

ProcessMark::Word& ProcessMark::word_of_this_process() {
  static Word& word = *new (map_page()) Word(0);
  static Word marks{0};  // made so far, in this process and in those that it comes from
  std::uint64_t none = 0;
  if (word.load() == 0) word.compare_exchange_strong(none, ++marks);
  return word;
}

}  // namespace revoked::library
