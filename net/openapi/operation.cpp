#include "net/openapi/operation.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <vector>

#include "engine/model/json_writer.hpp"

namespace revoked::net::openapi {
namespace {

using engine::JsonWriter;

constexpr std::string_view json_type = "application/json", lines_type = "application/x-ndjson";

std::vector<std::string_view> views(std::span<const std::string> texts) {
  return {texts.begin(), texts.end()};
}

template <class T>
void add(std::vector<T>& to, const std::vector<T>& more) {
  for (const auto& each : more) {
    if (std::ranges::find(to, each) == to.end()) to.push_back(each);
  }
}

// `schema` and `example`, as the content of one media type.
void write_content(JsonWriter& json, std::string_view type, const Object& described) {
  json.key("content").open('{').key(type).open('{').key("schema").raw(described.needed("schema"));
  if (described.has("example")) json.key("example").raw(described.text("example"));
  json.close('}').close('}');
}

class Operation {
 public:
  Operation(const SharedParts& parts, const RouteFacts& route, const Object& described)
      : components_(parts.components), parts_(parts), route_(route), described_(described) {}

  std::string write(std::string_view path, std::string_view method) {
    std::string text;
    JsonWriter json(text);
    std::string id(described_.needed("id"));
    if (route_.method.empty() && method != "get") {
      id.push_back(static_cast<char>(method.front() & ~0x20));
      id.append(method.substr(1));
    }
    json.open('{').field("operationId", id).key("tags").open('[').value(tag()).close(']');
    json.field("summary", described_.needed("summary"));
    json.optional_field("description", described_.text("description"));
    if (!route_.permission.empty()) json.field("x-permission", route_.permission);
    write_security(json);
    write_parameters(json, path);
    if (described_.has("body")) write_body(json, described_.object("body"));
    write_responses(json);
    json.close('}');
    return text;
  }

 private:
  std::string_view tag() const {
    return described_.has("tag") ? described_.text("tag") : parts_.api.needed("tag");
  }

  // Each scheme is enough by itself. A route that has no permission in the table may still ask for a key.
  void write_security(JsonWriter& json) {
    auto schemes = described_.list("security");
    if (schemes.empty() && !route_.permission.empty()) schemes = parts_.api.list("security");
    json.key("security").open('[');
    for (const auto& scheme : schemes) {
      json.open('{');
      if (scheme != "none") {
        json.key(scheme).open('[').close(']');
        parts_.schemes.insert(scheme);
      }
      json.close('}');
    }
    json.close(']');
  }

  void write_parameters(JsonWriter& json, std::string_view path) {
    std::string text;
    JsonWriter list(text);
    list.open('[');
    write_path_parameters(list, path);
    for (const auto& parameter : route_.query) write_query_parameter(list, parameter);
    auto names = route_.parameters;
    add(names, views(described_.list("parameters")));
    for (const auto name : names) list.raw(components_.reference("parameters", name));
    list.close(']');
    if (text != "[]") json.key("parameters").raw(text);
  }

  void write_path_parameters(JsonWriter& list, std::string_view path) const {
    for (auto at = path.find('{'); at != path.npos; at = path.find('{', at + 1)) {
      const auto name = path.substr(at + 1, path.find('}', at) - at - 1);
      const Object meant(parts_.path.needed(name));
      list.open('{').field("name", name).field("in", "path").field("required", true);
      list.field("description", meant.needed("description"))
          .key("schema")
          .raw(meant.needed("schema"))
          .close('}');
    }
  }

  // What a value may be is known by the words in which the table tells people.
  void write_query_parameter(JsonWriter& list, const QueryParameter& parameter) const {
    const auto own = described_.object("query");
    const auto meaning =
        own.has(parameter.name) ? own.text(parameter.name) : parts_.query.needed(parameter.name);
    list.open('{').field("name", parameter.name).field("in", "query").field("description", meaning);
    list.key("schema").raw(parts_.forms.needed(parameter.form)).close('}');
  }

  void write_body(JsonWriter& json, const Object& body) const {
    json.key("requestBody").open('{').optional_field("description", body.text("description"));
    json.field("required", !body.has("optional"));
    write_content(json, route_.takes_lines ? lines_type : json_type, body);
    json.close('}');
  }

  void write_responses(JsonWriter& json) {
    std::map<std::string, std::string> responses;
    for (const auto& answer : described_.object("answers")) add_answer(responses, answer);
    for (const auto& answer : parts_.answers) {
      if (!responses.contains(answer.name)) add_answer(responses, answer);
    }
    add_problems(responses);
    responses["default"] = components_.reference("responses", "HttpError");
    json.key("responses").open('{');
    for (const auto& [status, response] : responses) {
      if (!response.empty()) json.key(status).raw(response);
    }
    json.close('}');
  }

  // null: not this status, whatever the rules say.
  void add_answer(std::map<std::string, std::string>& responses, const JsonMember& answer) {
    if (answer.kind == JsonMember::Kind::null) {
      responses[answer.name] = {};
      return;
    }
    const Object described(answer.text);
    const bool is_success = answer.name.front() == '2';
    const bool is_early = answer.name == "202";
    responses[answer.name] = response(described, described.needed("description"), is_success, is_early);
    if (is_success && route_.is_accepted_early && !described_.object("answers").has("202")) {
      responses["202"] = response(described, parts_.accepted, true, true);
    }
  }

  std::string response(const Object& described, std::string_view description, bool is_success,
                       bool is_early) {
    std::vector<std::string_view> headers{"X-Request-Id"};
    if (is_success) add(headers, route_.headers);
    if (is_early) add(headers, {"Preference-Applied"});
    if (route_.is_replayed) add(headers, {"Idempotency-Replayed"});
    add(headers, views(described.list("headers")));
    std::string text;
    JsonWriter json(text);
    json.open('{').field("description", description);
    json.key("headers").raw(header_references(components_, headers));
    if (described.has("content"))
      json.key("content").raw(described.text("content"));
    else if (described.has("schema"))
      write_content(json, json_type, described);
    json.close('}');
    return text;
  }

  void add_problems(std::map<std::string, std::string>& responses) {
    auto codes = route_.problems;
    add(codes, views(described_.list("problems")));
    if (described_.has("body")) add(codes, views(parts_.api.list("body_problems")));
    std::ranges::sort(codes);
    std::map<std::string, std::vector<std::string_view>> by_status;
    for (const auto code : codes) by_status[std::to_string(components_.status_of(code))].push_back(code);
    for (const auto& [status, of_status] : by_status) {
      if (responses.contains(status))
        throw std::logic_error("two descriptions of status " + status + " of " + std::string(route_.pattern));
      responses[status] = components_.problem(of_status, headers_of_problem(status));
    }
  }

  // What was done before it: in an earlier request, or in earlier lines of this one.
  std::vector<std::string_view> headers_of_problem(std::string_view status) const {
    if (route_.takes_lines && (status == "401" || status == "403")) return {"Revocation-Position"};
    if (route_.is_replayed && status.front() == '4') return {"Idempotency-Replayed"};
    return {};
  }

  Components& components_;
  const SharedParts& parts_;
  const RouteFacts& route_;
  const Object& described_;
};

}  // namespace

std::string operation(const SharedParts& parts, const RouteFacts& route, std::string_view path,
                      std::string_view method, const Object& described) {
  return Operation(parts, route, described).write(path, method);
}

}  // namespace revoked::net::openapi
