#include "tools/ctl/commands.hpp"

namespace revoked::ctl {

CLI::App& CommandTree::add(CLI::App& parent, const std::string& name, const std::string& help,
                           const std::vector<std::string>& examples, Run run) {
  auto& command = *parent.add_subcommand(name, help);
  std::string footer = examples.empty() ? "" : "Examples:\n";
  for (const auto& example : examples) footer.append("  revokectl ").append(example).append("\n");
  command.footer(footer);
  command.callback([this, run = std::move(run)] { chosen_ = run; });
  return command;
}

CLI::App& CommandTree::add_group(const std::string& name, const std::string& help) {
  auto& group = *app_.add_subcommand(name, help);
  group.require_subcommand(1);
  return group;
}

}  // namespace revoked::ctl
