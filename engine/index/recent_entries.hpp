#pragma once
// Entries of the index that are not in its tables yet, as keys (byte strings of at least eight bytes): sorted
// runs, each with at least twice the bytes of the next. An entry of a coarse kind takes 21 bytes, others 14
// and the id; `with` allocates at most the same again.
//
// A value: copies share the runs, which are immutable, and may be read on other threads.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace revoked::engine {

// Concatenated keys, less than 4 GiB.
class Keys {
 public:
  void reserve(std::size_t count, std::size_t bytes);  // `bytes` as in bytes()
  void clear();
  void append(std::string_view key);

  std::size_t count() const { return ends_.size(); }
  std::size_t bytes() const { return bytes_.size() + ends_.size() * sizeof ends_[0]; }  // memory used
  std::string_view operator[](std::size_t i) const {
    const auto begin = i == 0 ? 0 : ends_[i - 1];
    return {bytes_.data() + begin, ends_[i] - begin};
  }

 private:
  std::string bytes_;
  std::vector<std::uint32_t> ends_;
};

class RecentEntries {
 public:
  // A copy with `others` added, in any order; duplicates are dropped.
  RecentEntries with(const Keys& others) const;
  std::size_t bytes() const;

  // Visits keys at or after `from` in order, each once. Must not outlive the entries.
  class Cursor {
   public:
    Cursor(const RecentEntries& entries, std::string_view from);
    bool is_valid() const { return !key_.empty(); }
    std::string_view key() const { return key_; }
    void next();

   private:
    struct Place {
      const Keys* run;
      std::size_t at;
    };
    void find_least();

    std::vector<Place> places_;
    std::string_view key_;
  };

 private:
  std::vector<std::shared_ptr<const Keys>> runs_;
};

}  // namespace revoked::engine
