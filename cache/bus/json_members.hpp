#pragma once
// Reads the members of JSON objects with simdjson's On-Demand parser, without a tree. Internal to this room.
// A read_… function returns false if the value is not of its form. Any thread.

#include <simdjson.h>

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "engine/base/error.hpp"
#include "engine/base/time.hpp"
#include "engine/model/ids.hpp"
#include "engine/model/position.hpp"

namespace revoked::cache {

namespace ondemand = simdjson::ondemand;

inline constexpr std::size_t max_document_bytes = 1 << 20;  // of one that has no limit of its own
inline constexpr std::uint64_t max_number = std::numeric_limits<std::int64_t>::max();

// Calls visit(index of the name, value) for every listed member; skips the others. False if the JSON is
// broken, a listed name is repeated or `visit` returns false. `seen` gets a bit for each name found.
template <std::size_t N, class Visit>
bool read_members(ondemand::object object, const std::array<std::string_view, N>& names, unsigned& seen,
                  Visit visit) {
  seen = 0;
  for (auto item : object) {
    ondemand::field field;
    if (std::move(item).get(field)) return false;
    std::string_view name;
    if (field.unescaped_key().get(name)) return false;
    for (std::size_t i = 0; i < N; ++i) {
      if (name != names[i]) continue;
      if (seen & (1u << i)) return false;
      seen |= 1u << i;
      if (!visit(i, field.value())) return false;
      break;
    }
  }
  return true;
}

template <class... Index>
constexpr bool has(unsigned seen, Index... index) {
  return (... && ((seen & (1u << index)) != 0));
}

// Calls visit(value) for every item of an array. False if it is none, is broken or `visit` returns false.
template <class Visit>
bool read_items(ondemand::value value, Visit visit) {
  ondemand::array array;
  if (value.get_array().get(array)) return false;
  for (auto item : array) {
    ondemand::value each;
    if (std::move(item).get(each) || !visit(each)) return false;
  }
  return true;
}

inline bool read_number(ondemand::value value, std::uint64_t& number) {
  return !value.get_uint64().get(number) && number <= max_number;
}

inline bool read_text(ondemand::value value, std::string& text) {
  std::string_view view;
  if (value.get_string().get(view)) return false;
  text = view;
  return true;
}

inline bool read_time(ondemand::value value, engine::UnixMs& at) {
  std::string_view text;
  if (value.get_string().get(text)) return false;
  const auto parsed = engine::parse_rfc3339(text);
  if (parsed) at = *parsed;
  return parsed.has_value();
}

inline bool read_random_id(ondemand::value value, std::string& id) {
  return read_text(value, id) && engine::is_journal_id(id);
}

inline bool read_position(ondemand::value value, engine::Position& position) {
  std::string_view text;
  if (value.get_string().get(text)) return false;
  const auto parsed = engine::parse_position(text);
  if (!parsed || parsed->epoch > max_number || parsed->sequence > max_number) return false;
  position = *parsed;
  return true;
}

// One for all documents of a thread: they are read one after another.
inline ondemand::parser& thread_parser() {
  thread_local ondemand::parser parser;
  return parser;
}

// Reads one document, an object, with read(object, out); errc::malformed if that returns false, or if
// anything follows the object.
template <class T, class Read>
engine::result<T> decode_document(std::string_view json, std::size_t max_bytes, Read read) {
  if (json.size() > max_bytes) return engine::errc::malformed;
  const simdjson::padded_string padded(json);
  ondemand::document document;
  if (thread_parser().iterate(padded).get(document)) return engine::errc::malformed;
  ondemand::object object;
  if (document.get_object().get(object)) return engine::errc::malformed;
  T out;
  if (!read(object, out)) return engine::errc::malformed;
  // On-Demand stops after the object; only the end of the document has no location.
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) return engine::errc::malformed;
  return out;
}

}  // namespace revoked::cache
