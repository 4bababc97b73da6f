#pragma once
// Memory for large arrays with random access. With 4 KiB pages nearly every access misses the TLB and walks
// the page table; huge pages avoid the walk. Falls back to ordinary pages if the system has no huge ones.
//
// Not thread-safe itself; the memory may be used from any thread.

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

namespace revoked::engine {

// Zeroed memory, allocated when first touched. Throws std::bad_alloc.
class HugePages {
 public:
  static constexpr std::size_t page_bytes = std::size_t{2} << 20;

  HugePages() = default;
  explicit HugePages(std::size_t bytes) : bytes_(bytes) {
    if (bytes == 0) return;
    // Huge pages are aligned to their size; mappings are not always.
    const bool is_large = bytes >= page_bytes;
    mapped_bytes_ = is_large ? bytes + page_bytes : bytes;
    mapped_ = ::mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped_ == MAP_FAILED) throw std::bad_alloc();
    data_ = mapped_;
    if (!is_large) return;
    const auto over = reinterpret_cast<std::uintptr_t>(mapped_) % page_bytes;
    data_ = static_cast<std::byte*>(mapped_) + (page_bytes - over) % page_bytes;
    ::madvise(data_, bytes, MADV_HUGEPAGE);
  }
  ~HugePages() {
    if (mapped_bytes_ != 0) ::munmap(mapped_, mapped_bytes_);
  }
  HugePages(HugePages&& from) noexcept { swap(from); }
  HugePages& operator=(HugePages&& from) noexcept {
    HugePages old(std::move(from));
    swap(old);
    return *this;
  }

  // Releases the memory but keeps the mapping, which then reads as zeros.
  void discard() {
    if (bytes_ != 0) ::madvise(data_, bytes_, MADV_DONTNEED);
  }

  void* data() const { return data_; }
  std::size_t size_bytes() const { return bytes_; }

 private:
  void swap(HugePages& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(mapped_, other.mapped_);
    std::swap(mapped_bytes_, other.mapped_bytes_);
    std::swap(bytes_, other.bytes_);
  }

  void* data_ = nullptr;
  void* mapped_ = nullptr;
  std::size_t mapped_bytes_ = 0;
  std::size_t bytes_ = 0;
};

// An array of fixed size in such memory. Its elements start as zero bytes; trivial types need no constructor.
template <class T>
class HugeArray {
  static_assert(std::is_trivial_v<T>);

 public:
  HugeArray() = default;
  explicit HugeArray(std::size_t size) : pages_(size * sizeof(T)), size_(size) {}

  T& operator[](std::size_t i) { return static_cast<T*>(pages_.data())[i]; }
  const T& operator[](std::size_t i) const { return static_cast<const T*>(pages_.data())[i]; }
  std::size_t size() const { return size_; }

 private:
  HugePages pages_;
  std::size_t size_ = 0;
};

}  // namespace revoked::engine
