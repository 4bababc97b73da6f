#pragma once
// A refused start, and its message.

#include <optional>
#include <string>

#include "tests/support/file_damage.hpp"
#include "tests/support/revoked_programs.hpp"

namespace revoked::test {

// Starts the engine. Nothing if it is ready, else its log.
std::optional<std::string> refusal_of(EngineProcess& engine);

// It exited by itself, and named the damaged file in one line and, for damage within the file, the place.
void expect_names(EngineProcess& engine, const std::string& log, const Inflicted& done);

}  // namespace revoked::test
