#pragma once
// The OpenAPI 3.1 document of a server (GET /openapi.json).
//
// What a route is comes from the table that the server itself routes by, so that the two cannot part. What it
// means stands in the JSON files of this folder: <api>.json has an entry for each route, README.md says of
// what. Made once, at start; any thread may read it.

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/http/query.hpp"
#include "net/http/request.hpp"
#include "net/http/response.hpp"

namespace revoked::net::openapi {

// What the table says of a route, and what follows from it for everybody who calls it.
struct RouteFacts {
  std::string_view method;  // empty: any
  std::string_view pattern;
  std::string_view permission{};  // empty: it is open to all
  std::span<const QueryParameter> query{};
  bool takes_lines = false;                    // the body is one JSON object a line
  std::vector<std::string_view> parameters{};  // of components.json
  std::vector<std::string_view> headers{};     // of its success
  std::vector<std::string_view> problems{};    // by their codes
  bool is_replayed = false;                    // an answer may be that to an earlier request
  bool is_accepted_early = false;              // its success may be a 202
};

struct DescribedApi {
  std::string_view name;  // of its file
  std::vector<RouteFacts> routes;
};

class Document {
 public:
  // A route without a description, and a description without a route, are faults: the document is made
  // without them. A description that is not valid is a std::logic_error.
  Document(std::string_view name, std::span<const DescribedApi> apis);

  const std::string& text() const { return text_; }
  const std::string& etag() const { return etag_; }                   // strong, with its quotes
  const std::vector<std::string>& faults() const { return faults_; }  // for people

 private:
  std::string text_;
  std::string etag_;
  std::vector<std::string> faults_;
};

// Answers with the document, or 304 to a request that has it.
void send_document(const Document& document, const Request& request, Response& response);

}  // namespace revoked::net::openapi
