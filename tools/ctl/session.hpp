#pragma once
// One run of revokectl: its global options, the engine, and how it prints.

#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include "tools/ctl/engine_target.hpp"
#include "tools/ctl/json_value.hpp"
#include "tools/ctl/table.hpp"

namespace revoked::ctl {

enum ExitCode : int { done = 0, refused = 1, wrong_use = 2, not_enforced = 3 };

// Standard output cannot be written to. Not a std::runtime_error: nothing is tried again.
class OutputFailed : public std::exception {
 public:
  const char* what() const noexcept override { return "cannot write to standard output"; }
};

class Session {
 public:
  EngineOptions engine_options;
  std::string output = "table";  // or json

  bool is_json() const { return output == "json"; }
  Client& client();  // of the engine that the options name. Throws ConfigurationError

  // The answer's body. Throw what Client::expect() throws.
  JsonValue get(const std::string& path);
  JsonValue change(std::string_view method, const std::string& path, const std::string& body = {});

  static void print(std::string_view text);       // to standard output
  static void print_line(std::string_view text);  // the same, and ends the line
  static void print(const Table& table);
  static void tell(std::string_view text);  // one line to standard error, beginning with the program's name

 private:
  std::optional<Client> client_;
};

// A query: "?user=ann&limit=10". Members without a value are left out.
class Query {
 public:
  Query& add(std::string_view name, std::string_view value);
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace revoked::ctl
