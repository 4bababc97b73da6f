// The OpenAPI documents: made from the tables of routes, and from net/openapi/*.json.

#include "net/openapi/document.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "net/api/api_document.hpp"
#include "net/check/check_service.hpp"
#include "net/dialects/dialects.hpp"
#include "net/openapi/object.hpp"
#include "net/openapi/texts.hpp"
#include "tests/net/api/served_engine.hpp"
#include "tests/support/revoked_programs.hpp"

namespace revoked::net::document_test {

using openapi::DescribedApi;
using openapi::Document;
using openapi::Object;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(OpenApiDocument, DescribesEveryRouteOfBothPrograms) {
  EXPECT_THAT(describe_engine(all_dialects).faults(), IsEmpty());
  EXPECT_THAT(describe_gateway().faults(), IsEmpty());
}

TEST(OpenApiDocument, NamesRoutesWithoutADescriptionAndDescriptionsWithoutARoute) {
  const DescribedApi api{"trieve",
                         {{.method = "DELETE", .pattern = "/api/user/api_key/{}"},
                          {.method = "GET", .pattern = "/api/user/api_key/{}"}}};
  EXPECT_THAT(
      Document("engine", {&api, 1}).faults(),
      ElementsAre("net/openapi/trieve.json does not describe GET /api/user/api_key/{}",
                  "net/openapi/trieve.json: no route is DELETE /api/organization/api_key/{api_key_id}"));
}

TEST(OpenApiDocument, NamesAnApiWithoutAFile) {
  const DescribedApi api{"not-there", {{.method = "GET", .pattern = "/"}}};
  EXPECT_THAT(Document("engine", {&api, 1}).faults(), ElementsAre("there is no net/openapi/not-there.json"));
}

TEST(OpenApiDocument, HasWhatTheTableSays) {
  constexpr QueryParameter query[] = {{"limit", "a number of 1 to 1000", is_boolean_text}};
  const DescribedApi api{"trieve",
                         {{.method = "DELETE",
                           .pattern = "/api/user/api_key/{}",
                           .permission = "keys:revoke",
                           .query = query,
                           .parameters = {"Prefer.wait"},
                           .headers = {"Revocation-Position"},
                           .problems = {"key_not_found"}}}};
  const auto text = Document("engine", {&api, 1}).text();
  const Object operation(
      Object(text).object("paths").object("/api/user/api_key/{api_key_id}").text("delete"));
  EXPECT_EQ(operation.text("x-permission"), "keys:revoke");
  const auto parameters = operation.list("parameters");
  ASSERT_EQ(parameters.size(), 3u);
  EXPECT_EQ(Object(parameters[0]).text("name"), "api_key_id");
  EXPECT_EQ(Object(parameters[1]).object("schema").text("type"), "integer");
  EXPECT_EQ(Object(parameters[2]).text("$ref"), "#/components/parameters/Prefer.wait");
  const auto responses = operation.object("responses");
  EXPECT_TRUE(responses.object("204").object("headers").has("Revocation-Position"));
  EXPECT_EQ(responses.object("404").text("$ref"), "#/components/responses/key_not_found");
}

TEST(OpenApiDocument, HasTheProblemsOfTheErrorsPage) {
  const std::string page = revoked::test::read_file(revoked::test::source_directory() / "docs/errors.md");
  static const std::regex row(R"(\| (\d{3})[^|]*\| ([^|]*)\|)"), code("`([a-z_]+)`");
  std::map<std::string, std::string> documented;  // the status of each code
  for (std::sregex_iterator at(page.begin(), page.end(), row), end; at != end; ++at) {
    const std::string codes = (*at)[2];
    for (std::sregex_iterator each(codes.begin(), codes.end(), code); each != end; ++each)
      documented.emplace((*each)[1], (*at)[1]);
  }
  std::map<std::string, std::string> described;
  const Object by_status(openapi::text_of("problems"));
  for (const auto& group : by_status) {
    for (const auto& problem : Object(group.text)) described.emplace(problem.name, group.name);
  }
  EXPECT_EQ(described, documented);
}

TEST(OpenApiDocument, IsServedToAnyoneAlsoWhileTheEngineLoads) {
  test::ServedEngine::Options options;
  options.starts = false;
  options.document = std::make_shared<const Document>(describe_engine(all_dialects));
  const test::ServedEngine served(options);
  revoked::test::HttpClient client(served.port());
  const auto answer = client.get("/openapi.json");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  EXPECT_EQ(answer.json()["openapi"].text(), "3.1.0");
  const auto etag = answer.header("ETag");
  EXPECT_EQ(client.get("/openapi.json", {{"If-None-Match", "\"another\", " + etag}}).status, 304);
  EXPECT_EQ(client.get("/openapi.json", {{"If-None-Match", "\"another\""}}).status, 200);
}

}  // namespace revoked::net::document_test
