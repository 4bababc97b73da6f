#include "engine/base/free_space.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "engine/base/this_thread.hpp"

namespace revoked::engine {
namespace {

constexpr std::chrono::milliseconds ask_every{20};

}  // namespace

std::uint64_t usual_reserve_bytes(std::uint64_t total_bytes) {
  constexpr std::uint64_t least = std::uint64_t{256} << 20;
  constexpr std::uint64_t most = std::uint64_t{2} << 30;
  return std::min(std::clamp(total_bytes / 20, least, most), total_bytes / 2);
}

FreeSpace::FreeSpace(Options options) : options_(std::move(options)), low_(is_below_reserve()) {
  thread_ = std::thread([this] { run(); });
}

FreeSpace::~FreeSpace() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void FreeSpace::run() {
  set_up_this_thread("free space");
  MutexLock lock(mutex_);
  while (!changed_.wait_for(lock, ask_every, [this]() REVOKED_REQUIRES(mutex_) { return stopping_; })) {
    lock.unlock();
    low_.store(is_below_reserve(), std::memory_order_relaxed);
    lock.lock();
  }
}

std::uint64_t FreeSpace::reserve_bytes() const {
  return options_.reserve_bytes != 0 ? options_.reserve_bytes : usual_reserve_bytes(bytes().total);
}

bool FreeSpace::is_below_reserve() {
  const auto [total, available] = options_.ask();
  total_.store(total, std::memory_order_relaxed);
  available_.store(available, std::memory_order_relaxed);
  return total != 0 && available < reserve_bytes();
}

FreeSpace::Bytes free_space_of(const std::string& directory) {
  struct statvfs status {};
  if (::statvfs(directory.c_str(), &status) != 0) return {};
  return {std::uint64_t{status.f_blocks} * status.f_frsize, std::uint64_t{status.f_bavail} * status.f_frsize};
}

}  // namespace revoked::engine
