#pragma once
// A small file that may be rewritten while we run. Used by one thread at a time; reads the disk.

#include <sys/stat.h>

#include <optional>
#include <string>

#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"

namespace revoked::net {

class WatchedFile {
 public:
  WatchedFile(std::string path, std::size_t max_bytes) : path_(std::move(path)), max_bytes_(max_bytes) {}

  // The file's content, if it is another than at the last call that gave one, or if the last call failed.
  // Nothing if all is as it was. Fails with the system's error, or errc::malformed if it is no regular file
  // or too large; after that, nothing for as long as the failure stays the same. Costs one stat(2) while
  // nothing has changed.
  std::optional<engine::result<std::string>> poll();

  const std::string& path() const { return path_; }

 private:
  bool is_settled(const struct stat& status) const;
  engine::result<std::string> read();
  std::optional<engine::result<std::string>> fail(boost::system::error_code error);

  std::string path_;
  std::size_t max_bytes_;
  std::optional<struct stat> seen_;  // of what was read last, unless it may still have been being written
  std::optional<engine::Digest> content_;
  boost::system::error_code error_;
};

}  // namespace revoked::net
