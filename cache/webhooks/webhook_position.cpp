#include "cache/webhooks/webhook_position.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

namespace revoked::cache {

namespace {

constexpr int version = 2;

// EVENT EXPIRES_AT_MS KEY_ID
void read_mark(const std::string& line, ExpiryMarks& marks) {
  std::istringstream words(line);
  std::string name;
  ExpiryMark mark;
  if (!(words >> name >> mark.expires_at)) return;
  words >> mark.key_id;
  for (std::size_t i = 0; i < marks.size(); ++i) {
    if (webhook_events[expiry_events[i]].name == name) marks[i] = mark;
  }
}

}  // namespace

std::optional<WebhookPosition::Place> WebhookPosition::load() const {
  std::ifstream file(path_);
  std::string line;
  std::string position;
  Place place;
  std::getline(file, line);
  std::istringstream words(line);
  if (!(words >> position >> place.journal.journal)) return {};
  const auto parsed = engine::parse_position(position);
  if (!parsed) return {};
  place.journal.position = *parsed;
  int written = 0;
  if (!(words >> written) || written != version) return place;
  while (std::getline(file, line)) read_mark(line, place.expiries);
  return place;
}

bool WebhookPosition::save(const Place& place) const {
  auto text =
      to_string(place.journal.position) + " " + place.journal.journal + " " + std::to_string(version) + "\n";
  for (std::size_t i = 0; i < place.expiries.size(); ++i) {
    const auto& mark = place.expiries[i];
    if (!mark) continue;
    text.append(webhook_events[expiry_events[i]].name);
    text.append(" ").append(std::to_string(mark->expires_at)).append(" ").append(mark->key_id).append("\n");
  }
  const auto draft = path_ + ".new";
  const int file = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const bool is_written =
      ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  ::close(file);
  return is_written && ::rename(draft.c_str(), path_.c_str()) == 0;
}

}  // namespace revoked::cache
