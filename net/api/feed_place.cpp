#include "net/api/feed_place.hpp"

namespace revoked::net {

bool read_feed_place(std::string_view text, cache::Feed::Place& place) {
  auto end = text.find('-');
  if (end != text.npos) end = text.find('-', end + 1);
  const auto position = engine::parse_position(text.substr(0, end));
  if (!position) return false;
  place.position = *position;
  if (end == text.npos) return true;
  place.journal = text.substr(end + 1);
  return engine::is_journal_id(place.journal);
}

bool is_feed_place(std::string_view text) {
  cache::Feed::Place place;
  return read_feed_place(text, place);
}

}  // namespace revoked::net
