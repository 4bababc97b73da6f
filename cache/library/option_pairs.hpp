#pragma once
// Options as names and values in turn, as the library's caller gives them. One thread.

#include <string_view>
#include <vector>

#include "engine/base/options.hpp"

namespace revoked::library {

class OptionPairs final : public engine::OptionList {
 public:
  // Null ends them; a null list has none. They are not copied. Throws ConfigurationError.
  explicit OptionPairs(const char* const options[]);

  // Sets the member if the option was given. Throws ConfigurationError, whose text has no value that may be a
  // secret.
  void add(const std::string& name, std::string& value, const std::string& help,
           const std::vector<std::string>& choices = {}) override;
  void add(const std::string& name, std::uint64_t& value, const std::string& help,
           const std::optional<engine::Range>& range = {}) override;

  // After all have been added: throws ConfigurationError if another was given.
  void refuse_others() const;

 private:
  struct Pair {
    std::string_view name;
    const char* value;
    bool is_known = false;
  };
  const char* find(std::string_view name);  // null: not given

  std::vector<Pair> pairs_;
};

}  // namespace revoked::library
