#pragma once
// A small file that may be rewritten while the program runs. Used by one thread at a time; reads the disk.

#include <sys/stat.h>

#include <optional>
#include <string>

#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"

namespace revoked::net {

class WatchedFile {
 public:
  WatchedFile(std::string path, std::size_t max_bytes) : path_(std::move(path)), max_bytes_(max_bytes) {}

  // The file's content, if it differs from the last one returned, or if the last call failed. nullopt if
  // nothing has changed. Fails with the system's error, or errc::malformed if it is not a regular file or too
  // large; after that, nullopt while the failure stays the same. Costs one stat(2) while nothing has changed.
  std::optional<engine::result<std::string>> poll();

  const std::string& path() const { return path_; }

 private:
  engine::result<std::string> read();
  std::optional<engine::result<std::string>> fail(boost::system::error_code error);

  std::string path_;
  std::size_t max_bytes_;
  std::optional<struct stat> seen_;  // of the last reading, unset if a write may have been in progress
  std::optional<engine::Digest> content_;
  boost::system::error_code error_;
};

}  // namespace revoked::net
