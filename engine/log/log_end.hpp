#pragma once
// How far a log has been confirmed, in a file of its own, so that an end that was lost does not pass for one
// that was torn. It is written after each sync, through a page that is shared with the kernel: a store, no
// call. After the process is killed it is exact; after the machine is lost it may be older, never newer, than
// the log.

#include <cstdint>
#include <memory>
#include <string>

#include "engine/base/error.hpp"
#include "engine/log/block.hpp"

namespace revoked::engine {

class LogEnd {
 public:
  struct Mark {
    std::uint64_t number = 0;  // of the last block; 0: there is no mark
    BlockSum sum{};            // of it
  };

  // Makes the file if it is not there. What is no mark counts as none: it is a second witness, not the truth.
  // Who has it open has the log: errc::storage_in_use, else the system's error.
  static result<std::unique_ptr<LogEnd>> open(const std::string& path);
  ~LogEnd();
  LogEnd(const LogEnd&) = delete;
  LogEnd& operator=(const LogEnd&) = delete;

  // What such a file holds.
  static std::string content_of(const Mark& mark);

  Mark mark() const;
  void set(const Mark& mark);  // on the writing thread

 private:
  LogEnd(int file, void* page) : file_(file), page_(page) {}
  int file_;
  void* page_;
};

}  // namespace revoked::engine
