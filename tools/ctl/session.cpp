#include "tools/ctl/session.hpp"

#include <iostream>

#include "tools/ctl/terminal.hpp"

namespace revoked::ctl {
namespace {

JsonValue read(const Answer& answer) {
  if (answer.body.empty()) return {};
  auto value = JsonValue::parse(answer.body);
  if (!value.is_object()) throw std::runtime_error("the engine's answer is not a JSON object");
  return value;
}

}  // namespace

Client& Session::client() {
  if (!client_) client_.emplace(find_engine(engine_options));
  return *client_;
}

JsonValue Session::get(const std::string& path) { return read(client().expect("GET", path)); }

JsonValue Session::change(std::string_view method, const std::string& path, const std::string& body) {
  return read(client().expect(method, path, body));
}

void Session::print(std::string_view text) {
  std::cout << text << std::flush;
  if (!std::cout) throw OutputFailed();
}

void Session::print_line(std::string_view text) { print(std::string(text).append("\n")); }

void Session::print(const Table& table) { print(table.text(has_colour())); }

void Session::tell(std::string_view text) { std::cerr << "revokectl: " << shown_text(text) << std::endl; }

Query& Query::add(std::string_view name, std::string_view value) {
  if (value.empty()) return *this;
  text_.append(text_.empty() ? "?" : "&").append(name).append("=").append(percent_encoded(value));
  return *this;
}

}  // namespace revoked::ctl
