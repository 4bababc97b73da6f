#pragma once
// Up to where in the journal a webhook has been told, in a file of its own. Replaced as a whole, so that a
// crash leaves the old or the new one. One thread.

#include <optional>
#include <string>

#include "cache/feed/feed.hpp"

namespace revoked::cache {

class WebhookPosition {
 public:
  explicit WebhookPosition(std::string path) : path_(std::move(path)) {}

  // Empty: there is none that can be read.
  std::optional<Feed::Place> load() const;
  // False: it cannot be written; the hook is then told again after a restart.
  bool save(const Feed::Place& place) const;

 private:
  const std::string path_;
};

}  // namespace revoked::cache
