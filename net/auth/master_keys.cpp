#include "net/auth/master_keys.hpp"

#include <algorithm>
#include <stdexcept>

#include "engine/model/secret.hpp"

namespace revoked::net {
namespace {

constexpr engine::UnixMs look_every_ms = 1000;

std::vector<engine::Digest> digests_of(const std::vector<std::string>& keys) {
  std::vector<engine::Digest> digests;
  digests.reserve(keys.size());
  for (const auto& key : keys) digests.push_back(engine::sha256(key));
  return digests;
}

}  // namespace

MasterKeys::MasterKeys(const std::vector<std::string>& keys) : digests_(digests_of(keys)) {}

MasterKeys::MasterKeys(const std::string& path, std::function<void(const MasterKeysReport&)> on_change)
    : on_change_(std::move(on_change)), file_(std::in_place, path, max_master_keys_bytes) {
  looked_at_ = engine::now_unix_ms();
  if (const auto fault = reload(); !fault.empty())
    throw std::runtime_error("the key file " + path + ": " + fault);
}

std::string MasterKeys::reload() const {
  const auto content = file_->poll();
  if (!content) return {};
  MasterKeysReport report{file_->path(), false, {}, 0};
  std::string fault;
  if (!*content) {
    fault = content->error().message();
  } else {
    const auto keys = engine::parse_key_lines(**content);
    auto digests = digests_of(keys);
    report.keys = digests.size();
    if (digests.empty()) {
      fault = "it holds no key";
    } else if (!std::ranges::all_of(keys, engine::is_secret)) {
      fault = "a key is " + std::string(engine::secret_form);
    } else {
      const engine::MutexLock lock(digests_mutex_);
      const bool is_first = digests_.empty();
      digests_.swap(digests);
      if (is_first) return {};
    }
  }
  report.is_good = fault.empty();
  report.reason = fault;
  if (on_change_) on_change_(report);
  return fault;
}

void MasterKeys::look_at_file() const {
  const auto now = engine::now_unix_ms();
  const auto before = looked_at_.load(std::memory_order_relaxed);
  // A clock that was set back must not postpone the next check.
  if (now >= before && now - before < look_every_ms) return;
  if (!file_mutex_.try_lock()) return;  // another thread checks
  const engine::MutexLock lock(file_mutex_, std::adopt_lock);
  looked_at_.store(now, std::memory_order_relaxed);
  reload();
}

bool MasterKeys::contains(const engine::Digest& digest) const {
  if (file_) look_at_file();
  bool found = false;
  const engine::MutexLock lock(digests_mutex_);
  for (const auto& master : digests_) found |= engine::equal_in_constant_time(master, digest);
  return found;
}

}  // namespace revoked::net
