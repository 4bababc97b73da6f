#pragma once
// Whether a person is watching.

#include <string>

namespace revoked::ctl {

bool is_output_terminal();
bool is_error_terminal();
bool is_input_terminal();
// On standard output: it is a terminal, and NO_COLOR (no-color.org) is not set.
bool has_colour();

// Asks for a line on the terminal without showing what is typed. Throws ConfigurationError if there is none.
std::string read_hidden_line(const std::string& prompt);

}  // namespace revoked::ctl
