#pragma once
// Scripts that complete commands and options in a shell, made from the tree of commands.

#include <CLI/CLI.hpp>
#include <string>

namespace revoked::ctl {

enum class Shell { bash, zsh, fish };

std::string completion_script(const CLI::App& app, Shell shell);

}  // namespace revoked::ctl
