#include "cache/library/option_pairs.hpp"

#include <algorithm>
#include <charconv>

namespace revoked::library {

using engine::ConfigurationError;

OptionPairs::OptionPairs(const char* const options[]) {
  if (options == nullptr) return;
  for (; *options != nullptr; options += 2) {
    const std::string name(options[0]);
    if (options[1] == nullptr) throw ConfigurationError(name + ": has no value");
    if (find(name) != nullptr) throw ConfigurationError(name + ": is given twice");
    pairs_.push_back({options[0], options[1]});
  }
}

const char* OptionPairs::find(std::string_view name) {
  const auto found = std::ranges::find(pairs_, name, &Pair::name);
  if (found == pairs_.end()) return nullptr;
  found->is_known = true;
  return found->value;
}

void OptionPairs::add(const std::string& name, std::string& value, const std::string&,
                      const std::vector<std::string>& choices) {
  const char* const given = find(name);
  if (given == nullptr) return;
  value = given;
  if (choices.empty() || std::ranges::find(choices, value) != choices.end()) return;
  std::string text;
  for (const auto& choice : choices) text.append(text.empty() ? "" : ", ").append(choice);
  throw ConfigurationError(name + ": must be one of " + text);
}

void OptionPairs::add(const std::string& name, std::uint64_t& value, const std::string&,
                      const std::optional<engine::Range>& range) {
  const char* const given = find(name);
  if (given == nullptr) return;
  const std::string_view text(given);
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = read.ec == std::errc() && read.ptr == text.data() + text.size();
  const auto least = static_cast<std::uint64_t>(range ? range->least : 0);
  const auto most = static_cast<std::uint64_t>(range ? range->most : INT64_MAX);
  if (!is_number || value < least || value > most)
    throw ConfigurationError(name + ": must be a number from " + std::to_string(least) + " to " +
                             std::to_string(most));
}

void OptionPairs::refuse_others() const {
  for (const auto& pair : pairs_) {
    if (!pair.is_known)
      throw ConfigurationError(std::string(pair.name) + ": there is no such option (docs/library.md)");
  }
}

}  // namespace revoked::library
