#pragma once
// A start that is refused, and what is said about it.

#include <optional>
#include <string>

#include "tests/support/file_damage.hpp"
#include "tests/support/revoked_programs.hpp"

namespace revoked::test {

// Starts the engine. Nothing if it is ready, else what it has logged.
std::optional<std::string> refusal_of(EngineProcess& engine);

// It exited by itself, and said in one line which file is damaged and, where that is within the file, where.
void expect_names(EngineProcess& engine, const std::string& log, const Inflicted& done);

}  // namespace revoked::test
