#pragma once
// The position that a reader of the feed sends: `E-S`, or `E-S-JOURNAL` as in the ids of the stream's events.

#include <string_view>

#include "cache/feed/feed.hpp"

namespace revoked::net {

bool read_feed_place(std::string_view text, cache::Feed::Place& place);  // false: not a position
bool is_feed_place(std::string_view text);

}  // namespace revoked::net
