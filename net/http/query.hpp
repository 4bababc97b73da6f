#pragma once
// The query parameters of a request. Each route lists the parameters that it takes, and what they may be, in
// one table: any other, a repeated one, and an invalid value are refused before the handler runs. Ignoring a
// filter or a dry_run would do the opposite of what its caller meant.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace revoked::net {

struct QueryParameter {
  std::string_view name;
  std::string_view form;  // what it may be, for people
  bool (*is_valid)(std::string_view value);
};

class Query {
 public:
  // Reads `text`, which may be percent-encoded and need not outlive this. Returns what is wrong with it, for
  // people; empty: nothing. `wrong_name()` then names the parameter.
  std::string read(std::string_view text, std::span<const QueryParameter> taken);
  const std::string& wrong_name() const { return wrong_name_; }

  // Null if absent. `name` must be in the table.
  const std::string* find(std::string_view name) const;
  bool is_true(std::string_view name) const;
  std::string value_or_empty(std::string_view name) const;

 private:
  std::string read_one(std::string_view pair, std::span<const QueryParameter> taken);

  std::vector<std::pair<std::string_view, std::string>> values_;  // by the names in the table
  std::string wrong_name_;
};

// Appends a name or value as browsers and libraries write it (application/x-www-form-urlencoded). False:
// malformed.
bool decode_form(std::string_view encoded, std::string& text);

// Values that several parameters share.
bool is_boolean_text(std::string_view value);
bool is_position_text(std::string_view value);
inline constexpr std::string_view boolean_form = "true or false";
inline constexpr std::string_view position_form = "a position, written epoch-sequence";

}  // namespace revoked::net
