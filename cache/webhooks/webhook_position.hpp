#pragma once
// Up to where a webhook has been told, in a file of its own. Replaced as a whole, so that a crash leaves the
// old or the new one. One thread.
//
//   file   = POSITION " " JOURNAL [" " VERSION] "\n" mark*     (no version: a file that has no marks)
//   mark   = EVENT " " EXPIRES_AT_MS " " KEY_ID "\n"           (KEY_ID may be empty)

#include <optional>
#include <string>

#include "cache/feed/feed.hpp"
#include "cache/webhooks/expiry_tracker.hpp"

namespace revoked::cache {

class WebhookPosition {
 public:
  explicit WebhookPosition(std::string path) : path_(std::move(path)) {}

  struct Place {
    Feed::Place journal;
    ExpiryMarks expiries{};
  };

  // Empty: there is none that can be read.
  std::optional<Place> load() const;
  // False: it cannot be written; the hook is then told again after a restart.
  bool save(const Place& place) const;

 private:
  const std::string path_;
};

}  // namespace revoked::cache
