#pragma once
// The commands of revokectl. Each function adds its commands to the tree; the chosen one runs after the
// arguments have been read, and returns the exit code.

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "tools/ctl/session.hpp"

namespace revoked::ctl {

class CommandTree {
 public:
  using Run = std::function<int()>;

  CommandTree(CLI::App& app, Session& session) : app_(app), session_(session) {}

  CLI::App& app() { return app_; }
  Session& session() { return session_; }
  // `examples`: command lines without the program's name.
  CLI::App& add(CLI::App& parent, const std::string& name, const std::string& help,
                const std::vector<std::string>& examples, Run run);
  CLI::App& add(const std::string& name, const std::string& help, const std::vector<std::string>& examples,
                Run run) {
    return add(app_, name, help, examples, std::move(run));
  }
  // One that only has others.
  CLI::App& add_group(const std::string& name, const std::string& help);

  int run_chosen() const { return chosen_(); }

 private:
  CLI::App& app_;
  Session& session_;
  Run chosen_;
};

void add_key_commands(CommandTree& tree);
void add_key_list_command(CLI::App& key, CommandTree& tree);
void add_revoke_commands(CLI::App& key, CommandTree& tree);  // `key revoke`, and `revoke`
void add_lock_commands(CommandTree& tree);
void add_view_commands(CommandTree& tree);
void add_status_command(CommandTree& tree);
void add_tail_command(CommandTree& tree);
void add_bulk_commands(CommandTree& tree);
void add_backup_command(CommandTree& tree);
void add_restore_command(CommandTree& tree);
void add_journal_commands(CommandTree& tree);
void add_leaks_command(CommandTree& tree);
void add_completion_command(CommandTree& tree);

}  // namespace revoked::ctl
