#include "net/openapi/document.hpp"

#include <algorithm>

#include "engine/base/digest.hpp"
#include "engine/model/json_writer.hpp"
#include "net/http/etag.hpp"
#include "net/openapi/operation.hpp"
#include "net/openapi/texts.hpp"

namespace revoked::net::openapi {
namespace {

using engine::JsonWriter;

// Those of a route that takes any.
constexpr std::string_view all_methods[] = {"get", "put", "post", "delete", "options", "head", "patch"};

// "GET /v1/keys/{key_id}" as in a table: "GET /v1/keys/{}".
std::string without_names(std::string_view route) {
  std::string text;
  bool in_name = false;
  for (const char c : route) {
    if (c == '}') in_name = false;
    if (!in_name) text.push_back(c);
    if (c == '{') in_name = true;
  }
  return text;
}

std::string lower_case(std::string_view letters) {
  std::string lower(letters);
  for (auto& c : lower) c = static_cast<char>(c | 0x20);
  return lower;
}

std::string name_of(const RouteFacts& route) {
  std::string name(route.method.empty() ? "ANY" : route.method);
  return name.append(" ").append(route.pattern);
}

// The operations by their paths, in the order of the tables.
class Paths {
 public:
  void add(std::string_view path, std::string_view method, std::string operation) {
    auto found = std::ranges::find(paths_, path, &Path::name);
    if (found == paths_.end()) found = paths_.insert(found, {std::string(path), {}});
    found->operations.emplace_back(std::string(method), std::move(operation));
  }
  std::string text() const {
    std::string text;
    JsonWriter json(text);
    json.open('{');
    for (const auto& [name, operations] : paths_) {
      json.key(name).open('{');
      for (const auto& [method, operation] : operations) json.key(method).raw(operation);
      json.close('}');
    }
    json.close('}');
    return text;
  }

 private:
  struct Path {
    std::string name;
    std::vector<std::pair<std::string, std::string>> operations;
  };
  std::vector<Path> paths_;
};

// A description is null where a route is not part of the API.
void add_operations(const DescribedApi& api, const SharedParts& parts, Paths& paths,
                    std::vector<std::string>& faults) {
  const auto described = parts.api.object("operations");
  std::vector<std::string> names;  // of the routes
  for (const auto& route : api.routes) {
    const auto& name = names.emplace_back(name_of(route));
    const auto found = std::ranges::find_if(
        described, [&](const JsonMember& each) { return without_names(each.name) == name; });
    if (found == described.end()) {
      faults.push_back("net/openapi/" + std::string(api.name) + ".json does not describe " + name);
      continue;
    }
    if (found->kind == JsonMember::Kind::null) continue;
    const auto path = std::string_view(found->name).substr(found->name.find(' ') + 1);
    const Object operation_described(found->text);
    const auto method_of_route = lower_case(route.method);
    const std::string_view only[] = {method_of_route};
    const auto methods = route.method.empty() ? std::span<const std::string_view>(all_methods) : only;
    for (const auto method : methods)
      paths.add(path, method, operation(parts, route, path, method, operation_described));
  }
  for (const auto& each : described) {
    if (std::ranges::find(names, without_names(each.name)) == names.end())
      faults.push_back("net/openapi/" + std::string(api.name) + ".json: no route is " + each.name);
  }
}

}  // namespace

Document::Document(std::string_view name, std::span<const DescribedApi> apis) {
  Components components;
  const Object common(text_of("common"));
  Paths paths;
  std::set<std::string> schemes;
  std::string tags;
  JsonWriter tag_list(tags);
  tag_list.open('[');
  for (const auto& described : apis) {
    const auto text = text_of(described.name);
    if (text.empty()) {
      faults_.push_back("there is no net/openapi/" + std::string(described.name) + ".json");
      continue;
    }
    const Object api(text);
    components.add_schemas(api.needed("schemas"));
    for (const auto& tag : api.list("tags")) tag_list.raw(tag);
    add_operations(described, {components, schemes, common, api}, paths, faults_);
  }
  tag_list.close(']');

  const auto info = common.object(name);
  const auto all_paths = paths.text();
  JsonWriter json(text_);
  json.open('{').field("openapi", "3.1.0").key("info").open('{');
  json.field("title", info.needed("title")).field("summary", info.needed("summary"));
  json.field("description", info.needed("description")).field("version", program_version);
  json.key("license").raw(common.needed("license")).close('}');
  json.key("servers").open('[').open('{').field("url", "/").close('}').close(']');
  json.key("tags").raw(tags).key("paths").raw(all_paths);
  json.key("components").raw(components.needed_by(all_paths, schemes)).close('}');
  etag_ = "\"" + engine::to_hex(engine::sha256(text_)).substr(0, 32) + "\"";
}

void send_document(const Document& document, const Request& request, Response& response) {
  send_tagged(request, response, document.etag(), "application/json", document.text());
}

}  // namespace revoked::net::openapi
