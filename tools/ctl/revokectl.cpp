// revokectl: the engine from the command line, over its HTTP API.

#include <iostream>
#include <map>
#include <memory>

#include "tools/ctl/commands.hpp"
#include "tools/ctl/completion.hpp"
#include "tools/programs/program.hpp"

namespace revoked::ctl {
namespace {

constexpr const char* examples = R"(Examples:
  revokectl status
  revokectl key create --user ann --expires 90d
  revokectl key revoke KEY_ID --reason leaked --wait 5
  revokectl revoke --user ann --dry-run
  revokectl leaks gitleaks.json --dry-run
Exit codes: 0 done, 1 refused or failed, 2 wrong use, 3 done but not enforced everywhere in time.
`revokectl COMMAND --help` has the options and examples of a command.)";

void add_global_options(CLI::App& app, Session& session) {
  auto& engine = session.engine_options;
  app.add_option(
         "--engine", engine.engine,
         "http://HOST:PORT or https://HOST:PORT of the engine, or its name in the configuration; none: "
         "the default there, else http://127.0.0.1:7385")
      ->envname("REVOKECTL_ENGINE")
      ->type_name("URL|NAME");
  app.add_option("--key-file", engine.key_file, "File with a master key, or a key with the permissions")
      ->envname("REVOKECTL_KEY_FILE")
      ->type_name("FILE");
  app.add_option("--ca-file", engine.ca_file,
                 "PEM file of the CAs that an https engine's certificate may be of; none: the system's")
      ->envname("REVOKECTL_CA_FILE")
      ->type_name("FILE");
  app.add_option("--config", engine.configuration,
                 "TOML file of named engines; none: ~/.config/revoked/revokectl.toml, or else "
                 "/etc/revoked/revokectl.toml")
      ->envname("REVOKECTL_CONFIG")
      ->type_name("FILE");
  app.add_option("-o,--output", session.output, "A table for people, or the engine's JSON")
      ->envname("REVOKECTL_OUTPUT")
      ->capture_default_str()
      ->check(CLI::IsMember({"table", "json"}));
}

int run(int argc, char** argv) {
  CLI::App app("Creates, shows and revokes API keys, and shows who enforces it.", "revokectl");
  app.set_version_flag("--version", std::string("revokectl ") + tools::version + " (" + tools::commit + ")");
  app.footer(examples);
  app.fallthrough();
  app.require_subcommand(1);
  Session session;
  add_global_options(app, session);
  CommandTree tree(app, session);
  add_key_commands(tree);
  add_lock_commands(tree);
  add_view_commands(tree);
  add_status_command(tree);
  add_tail_command(tree);
  add_bulk_commands(tree);
  add_leaks_command(tree);
  add_backup_command(tree);
  add_restore_command(tree);
  add_journal_commands(tree);
  add_completion_command(tree);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::cerr << "revokectl: " << error.what() << " (--help lists commands and options)\n";
    return wrong_use;
  }
  return tree.run_chosen();
}

}  // namespace

void add_completion_command(CommandTree& tree) {
  static const std::map<std::string, Shell> shells{
      {"bash", Shell::bash}, {"zsh", Shell::zsh}, {"fish", Shell::fish}};
  auto shell = std::make_shared<std::string>();
  tree.add("completion", "Print a script that completes commands and options in a shell",
           {"completion bash > ~/.local/share/bash-completion/completions/revokectl",
            "completion fish | source"},
           [shell, &tree] {
             Session::print(completion_script(tree.app(), shells.at(*shell)));
             return int{done};
           })
      .add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

}  // namespace revoked::ctl

int main(int argc, char** argv) {
  return revoked::tools::run_program("revokectl", [&] { return revoked::ctl::run(argc, argv); });
}
