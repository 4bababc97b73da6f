#pragma once
// How far a log was confirmed, in a separate file, so that a lost end is not taken for a torn one. Written
// after each sync through a shared mapping: a store, no system call. Exact after the process is killed; after
// a machine failure it may be older, never newer, than the log.

#include <cstdint>
#include <memory>
#include <string>

#include "engine/base/error.hpp"
#include "engine/log/block.hpp"

namespace revoked::engine {

class LogEnd {
 public:
  struct Mark {
    std::uint64_t number = 0;  // of the last block; 0: no mark
    BlockSum sum{};            // of it
  };

  // Creates the file if missing. An invalid mark counts as none, since it only confirms what the log says.
  // Opening it locks the log: errc::storage_in_use, otherwise the system's error.
  static result<std::unique_ptr<LogEnd>> open(const std::string& path);
  ~LogEnd();
  LogEnd(const LogEnd&) = delete;
  LogEnd& operator=(const LogEnd&) = delete;

  // The content of such a file.
  static std::string content_of(const Mark& mark);

  Mark mark() const;
  void set(const Mark& mark);  // on the writing thread

 private:
  LogEnd(int file, void* page) : file_(file), page_(page) {}
  int file_;
  void* page_;
};

}  // namespace revoked::engine
