#pragma once
// The master keys, as digests: a fixed list, or the lines of a file that is read again when it changes, so
// that keys are rotated without a restart. Thread-safe.
//
// The file is checked at most once a second, by the calling thread; replace it by renaming. While it is
// missing or holds no key, the previous keys stay in use, so that a mistake in the file locks no operator
// out.

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/digest.hpp"
#include "engine/base/mutex.hpp"
#include "engine/base/time.hpp"
#include "net/http/watched_file.hpp"

namespace revoked::net {

inline constexpr std::size_t max_master_keys_bytes = 64 << 10;  // of the file

// The result of reading the file again, for the log; nothing of the keys themselves.
struct MasterKeysReport {
  std::string_view path;
  bool is_good = false;     // false: the previous keys stay in use
  std::string_view reason;  // why it is not good
  std::size_t keys = 0;
};

class MasterKeys {
 public:
  explicit MasterKeys(const std::vector<std::string>& keys);
  // `on_change` is called after every reading but the first, from a calling thread, one at a time. Throws
  // std::runtime_error if the file cannot be read or holds no key.
  MasterKeys(const std::string& path, std::function<void(const MasterKeysReport&)> on_change);

  // Whether it is the digest of a master key; compared with each in constant time.
  bool contains(const engine::Digest& digest) const;

 private:
  std::string reload() const REVOKED_REQUIRES(file_mutex_);  // returns why it failed, or empty
  void look_at_file() const;

  std::function<void(const MasterKeysReport&)> on_change_;
  mutable engine::Mutex<1> file_mutex_;
  mutable std::optional<WatchedFile> file_;
  mutable std::atomic<engine::UnixMs> looked_at_{0};
  mutable engine::Mutex<2> digests_mutex_;  // held for a few comparisons
  mutable std::vector<engine::Digest> digests_ REVOKED_GUARDED_BY(digests_mutex_);
};

}  // namespace revoked::net
