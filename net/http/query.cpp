#include "net/http/query.hpp"

#include <algorithm>

#include "engine/base/percent.hpp"
#include "engine/model/position.hpp"
#include "net/http/request.hpp"
#include "net/http/shown.hpp"

namespace revoked::net {
namespace {

std::string names_of(std::span<const QueryParameter> taken) {
  std::string names;
  for (const auto& parameter : taken) names.append(names.empty() ? "" : ", ").append(parameter.name);
  return names.empty() ? "this call takes no query parameters" : "this call takes " + names;
}

}  // namespace

bool decode_form(std::string_view encoded, std::string& text) {
  std::string spaced(encoded);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  return engine::percent_decode(spaced, text);
}

std::string Query::read(std::string_view text, std::span<const QueryParameter> taken) {
  while (!text.empty()) {
    const auto pair = take_until(text, '&');
    if (pair.empty()) continue;
    if (auto wrong = read_one(pair, taken); !wrong.empty()) return wrong;
  }
  return {};
}

std::string Query::read_one(std::string_view pair, std::span<const QueryParameter> taken) {
  const bool has_value = pair.find('=') != std::string_view::npos;
  wrong_name_.clear();
  auto value_text = pair;
  if (!decode_form(take_until(value_text, '='), wrong_name_)) return "the query is not percent-encoded";
  const auto parameter = std::ranges::find(taken, std::string_view(wrong_name_), &QueryParameter::name);
  if (parameter == taken.end()) return "unknown parameter " + shown(wrong_name_) + ": " + names_of(taken);
  const auto about = "parameter " + shown(wrong_name_);
  if (find(parameter->name) != nullptr) return about + " is given twice";
  std::string value;
  if (!decode_form(value_text, value)) return about + " is not percent-encoded";
  if (!has_value || !parameter->is_valid(value)) return about + " must be " + std::string(parameter->form);
  values_.emplace_back(parameter->name, std::move(value));
  return {};
}

const std::string* Query::find(std::string_view name) const {
  const auto found = std::ranges::find(values_, name, &std::pair<std::string_view, std::string>::first);
  return found == values_.end() ? nullptr : &found->second;
}

bool Query::is_true(std::string_view name) const {
  const auto* const value = find(name);
  return value != nullptr && *value == "true";
}

std::string Query::value_or_empty(std::string_view name) const {
  const auto* const value = find(name);
  return value == nullptr ? std::string() : *value;
}

bool is_boolean_text(std::string_view value) { return value == "true" || value == "false"; }
bool is_position_text(std::string_view value) { return engine::parse_position(value).has_value(); }

}  // namespace revoked::net
