#pragma once
// The query parameters of the native routes (docs/api.md).

#include <charconv>

#include "engine/base/text.hpp"
#include "engine/engine.hpp"
#include "net/api/feed_place.hpp"
#include "net/http/json_reader.hpp"
#include "net/http/query.hpp"

namespace revoked::net {

inline constexpr std::size_t max_page_keys = 1000;
inline constexpr std::size_t max_page_entries = 1000;
inline constexpr std::size_t max_page_events = 10'000;

template <std::size_t most>
bool is_limit(std::string_view text) {
  std::size_t limit = 0;
  const auto* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, limit);
  return read.ec == std::errc{} && read.ptr == end && limit >= 1 && limit <= most;
}

inline bool is_reason(std::string_view text) {
  return !text.empty() && text.size() <= engine::max_reason_size && is_utf8(text);
}
inline bool is_actor(std::string_view text) {
  return !text.empty() && text.size() <= engine::max_caller_size && engine::is_printable_utf8(text);
}
inline bool is_listed_state(std::string_view text) { return engine::listed_state_of(text).has_value(); }
inline bool is_time(std::string_view text) { return engine::parse_rfc3339(text).has_value(); }
inline bool is_echo(std::string_view text) { return text == "secret_sha256"; }
inline bool is_anything(std::string_view text) { return !text.empty(); }

inline constexpr std::string_view owner_form =
    "an owner's id: 1 to 256 bytes of UTF-8 without control characters, and not . or ..";
inline constexpr std::string_view key_id_form =
    "a key's id: 1 to 128 visible ASCII characters without / ? # % \\ \", and not . or ..";

inline constexpr std::string_view digest_form = "32 bytes as 64 hexadecimal digits, or in base64";

inline constexpr QueryParameter dry_run_parameter{"dry_run", boolean_form, is_boolean_text};

inline constexpr QueryParameter verify_query[] = {{"echo", "secret_sha256", is_echo},
                                                  {"at_least", position_form, is_position_text}};
inline constexpr QueryParameter reason_query[] = {{"reason", "1 to 256 bytes of UTF-8", is_reason}};
inline constexpr QueryParameter revocation_query[] = {reason_query[0], dry_run_parameter};
inline constexpr QueryParameter dry_run_query[] = {dry_run_parameter};
inline constexpr QueryParameter list_query[] = {
    {"user", owner_form, engine::is_owner_id},
    {"application", owner_form, engine::is_owner_id},
    {"workspace", owner_form, engine::is_owner_id},
    {"state", "active, suspended, expired or revoked", is_listed_state},
    {"used_before", "a time as in RFC 3339", is_time},
    {"limit", "a number of 1 to 1000", is_limit<max_page_keys>},
    {"cursor", "the cursor of the page before", is_anything},
};
inline constexpr QueryParameter audit_query[] = {
    {"key_id", key_id_form, engine::is_key_id},
    {"actor", "1 to 256 bytes of UTF-8 without control characters", is_actor},
    {"user", owner_form, engine::is_owner_id},
    {"after", position_form, is_position_text},
    {"limit", "a number of 1 to 1000", is_limit<max_page_entries>},
};
inline constexpr QueryParameter feed_query[] = {
    {"after", position_form, is_feed_place},
    {"journal", "a journal's id: 1 to 32 of 0-9 a-z", engine::is_journal_id},
    {"limit", "a number of 1 to 10000", is_limit<max_page_events>},
};

}  // namespace revoked::net
