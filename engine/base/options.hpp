#pragma once
// What a component may be told by options: it adds them, with the members that they set, to the list of
// whoever reads them: a program its command line, the gateway's library its caller's.

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace revoked::engine {

// A wrong option or configuration. The text is one line, and names the option or the file.
class ConfigurationError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Allowed values of a number.
struct Range {
  std::int64_t least;
  std::int64_t most;
};

// Options begin with two hyphens. The value that a member has is the default.
class OptionList {
 public:
  // One of `choices`; empty: any text.
  virtual void add(const std::string& name, std::string& value, const std::string& help,
                   const std::vector<std::string>& choices = {}) = 0;
  virtual void add(const std::string& name, std::uint64_t& value, const std::string& help,
                   const std::optional<Range>& range = {}) = 0;

 protected:
  ~OptionList() = default;
};

// "3s", "500ms", "2m", "1h", "30d"; a bare number is milliseconds. Throws ConfigurationError, which names the
// option.
std::chrono::milliseconds parse_duration(const std::string& text, const std::string& option,
                                         std::chrono::days longest = std::chrono::days(1));

}  // namespace revoked::engine
