#pragma once
// Where a reader of the feed is, as it says it: `E-S`, or `E-S-JOURNAL` as the ids of the stream's events
// have it.

#include <string_view>

#include "cache/feed/feed.hpp"

namespace revoked::net {

bool read_feed_place(std::string_view text, cache::Feed::Place& place);  // false: it is none
bool is_feed_place(std::string_view text);

}  // namespace revoked::net
