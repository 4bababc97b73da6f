#pragma once
// Errors as RFC 9457 problem details. `code` is stable; `type` is "urn:revoked:problem:<code>".

#include <string_view>

#include "engine/base/error.hpp"
#include "net/http/response.hpp"

namespace revoked::net {

void send_problem(Response& response, unsigned status, std::string_view code, std::string_view detail,
                  std::string_view extra_members = {});  // `,"name":value…`

// Status and code of each expected failure.
struct ProblemKind {
  unsigned status;
  std::string_view code;
};
ProblemKind problem_kind(boost::system::error_code error);
void send_problem(Response& response, boost::system::error_code error);

}  // namespace revoked::net
