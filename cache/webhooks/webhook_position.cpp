#include "cache/webhooks/webhook_position.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace revoked::cache {

std::optional<Feed::Place> WebhookPosition::load() const {
  std::ifstream file(path_);
  std::string position;
  Feed::Place place;
  if (!(file >> position >> place.journal)) return {};
  const auto parsed = engine::parse_position(position);
  if (!parsed) return {};
  place.position = *parsed;
  return place;
}

bool WebhookPosition::save(const Feed::Place& place) const {
  const auto text = to_string(place.position) + " " + place.journal + "\n";
  const auto draft = path_ + ".new";
  const int file = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const bool is_written =
      ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  ::close(file);
  return is_written && ::rename(draft.c_str(), path_.c_str()) == 0;
}

}  // namespace revoked::cache
