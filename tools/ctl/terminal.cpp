#include "tools/ctl/terminal.hpp"

#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "tools/programs/program.hpp"

namespace revoked::ctl {

bool is_output_terminal() { return ::isatty(STDOUT_FILENO) == 1; }
bool is_error_terminal() { return ::isatty(STDERR_FILENO) == 1; }
bool is_input_terminal() { return ::isatty(STDIN_FILENO) == 1; }

bool has_colour() {
  const char* const wish = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe): there is one thread
  return is_output_terminal() && (wish == nullptr || *wish == '\0');
}

std::string read_hidden_line(const std::string& prompt) {
  termios shown{};
  if (!is_input_terminal() || ::tcgetattr(STDIN_FILENO, &shown) != 0)
    throw tools::ConfigurationError("standard input is no terminal: give --secret-file FILE, or - for it");
  auto hidden = shown;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  std::cerr << prompt << std::flush;
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  std::string line;
  std::getline(std::cin, line);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
  std::cerr << '\n';
  return line;
}

}  // namespace revoked::ctl
