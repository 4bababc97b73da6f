#include "net/openapi/components.hpp"

#include <charconv>
#include <stdexcept>
#include <vector>

#include "engine/model/json_writer.hpp"
#include "net/http/response.hpp"
#include "net/openapi/object.hpp"
#include "net/openapi/texts.hpp"

namespace revoked::net::openapi {
namespace {

using engine::JsonWriter;

constexpr std::string_view problem_type = "application/problem+json";

std::string problem_example(std::string_view code, unsigned status, std::string_view meaning) {
  std::string text;
  JsonWriter json(text);
  json.open('{').key("value").open('{').field("type", "urn:revoked:problem:" + std::string(code));
  json.field("title", reason_phrase(status)).field("status", std::uint64_t{status}).field("code", code);
  json.field("detail", meaning).close('}').close('}');
  return text;
}

std::vector<std::string_view> headers_of_problem(unsigned status) {
  std::vector<std::string_view> names{"X-Request-Id"};
  if (status == 401) names.push_back("WWW-Authenticate");
  if (status == 415) names.insert(names.end(), {"Accept", "Accept-Encoding"});
  if (status == 503) names.push_back("Retry-After");
  return names;
}

}  // namespace

Components::Components() {
  const Object file(text_of("components"));
  for (const auto& kind : file) {
    for (const auto& component : Object(kind.text))
      all_.insert({{kind.name, component.name}, component.text});
  }
  add_problems();
}

void Components::add_schemas(std::string_view json) {
  for (const auto& schema : Object(json)) all_.insert({{"schemas", schema.name}, schema.text});
}

void Components::add_problems() {
  std::string codes;
  JsonWriter json(codes);
  json.open('[');
  const Object by_status(text_of("problems"));
  for (const auto& group : by_status) {
    unsigned status = 0;
    std::from_chars(group.name.data(), group.name.data() + group.name.size(), status);
    for (const auto& problem : Object(group.text)) {
      statuses_[problem.name] = status;
      meanings_[problem.name] = problem.text;
      all_[{"examples", problem.name}] = problem_example(problem.name, status, problem.text);
      json.value(std::string_view(problem.name));
    }
  }
  json.close(']');
  all_[{"schemas", "ProblemCode"}] = R"({"type":"string","enum":)" + codes + "}";
}

std::string Components::reference(std::string_view kind, std::string_view name) const {
  if (!all_.contains({std::string(kind), std::string(name)}))
    throw std::logic_error("there is no component " + std::string(name) + " among the " + std::string(kind));
  std::string text;
  JsonWriter(text)
      .open('{')
      .field("$ref", "#/components/" + std::string(kind) + "/" + std::string(name))
      .close('}');
  return text;
}

unsigned Components::status_of(std::string_view code) const {
  const auto found = statuses_.find(code);
  if (found == statuses_.end()) throw std::logic_error("there is no problem " + std::string(code));
  return found->second;
}

std::string Components::problem(std::span<const std::string_view> codes,
                                std::span<const std::string_view> more_headers) {
  const auto status = status_of(codes.front());
  std::string name;
  std::string description;
  for (const auto code : codes) {
    name.append(name.empty() ? "" : ".").append(code);
    description.append(description.empty() ? "" : "\n").append("- `").append(code).append("`: ");
    description.append(meanings_.find(code)->second);
  }
  auto headers = headers_of_problem(status);
  for (const auto header : more_headers) {
    headers.push_back(header);
    name.append(".").append(header);
  }
  std::string text;
  JsonWriter json(text);
  json.open('{').field("description", description);
  json.key("headers").raw(header_references(*this, headers));
  json.key("content")
      .open('{')
      .key(problem_type)
      .open('{')
      .key("schema")
      .raw(reference("schemas", "Problem"));
  json.key("examples").open('{');
  for (const auto code : codes) json.key(code).raw(reference("examples", code));
  json.close('}').close('}').close('}').close('}');
  all_[{"responses", name}] = text;
  return reference("responses", name);
}

std::string Components::needed_by(std::string_view json, const std::set<std::string>& schemes) const {
  constexpr std::string_view before = "\"#/components/";
  std::set<Key> found;
  for (const auto& scheme : schemes) found.insert({"securitySchemes", scheme});
  std::vector<std::string_view> texts{json};
  while (!texts.empty()) {
    auto text = texts.back();
    texts.pop_back();
    for (auto at = text.find(before); at != text.npos; at = text.find(before)) {
      text.remove_prefix(at + before.size());
      const auto slash = text.find('/');
      const Key key(text.substr(0, slash), text.substr(slash + 1, text.find('"') - slash - 1));
      const auto component = all_.find(key);
      if (component == all_.end())
        throw std::logic_error("there is no component " + key.second + " among the " + key.first);
      if (found.insert(key).second) texts.push_back(component->second);
    }
  }
  std::string out;
  JsonWriter writer(out);
  writer.open('{');
  for (auto at = found.begin(); at != found.end();) {
    const auto& kind = at->first;
    writer.key(kind).open('{');
    for (; at != found.end() && at->first == kind; ++at) writer.key(at->second).raw(all_.at(*at));
    writer.close('}');
  }
  writer.close('}');
  return out;
}

std::string header_references(const Components& components, std::span<const std::string_view> names) {
  std::string text;
  JsonWriter json(text);
  json.open('{');
  for (const auto name : names) json.key(name).raw(components.reference("headers", name));
  json.close('}');
  return text;
}

}  // namespace revoked::net::openapi
