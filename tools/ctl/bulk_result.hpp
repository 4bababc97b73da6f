#pragma once
// The answer to a bulk request, for people.

#include "tools/ctl/session.hpp"

namespace revoked::ctl {

// Prints it. Returns the exit code: lines that failed are told on standard error.
int print_bulk_result(const Session& session, const JsonValue& answer);

}  // namespace revoked::ctl
