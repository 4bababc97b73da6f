#include "tools/ctl/completion.hpp"

#include <algorithm>
#include <vector>

namespace revoked::ctl {
namespace {

struct Option {
  std::string name;  // with its dashes
  std::string help;
  bool takes_value;
  bool is_file;
  std::vector<std::string> choices;
};

struct Command {
  std::string path;                                           // " key create"; empty: the program
  std::vector<std::pair<std::string, std::string>> commands;  // name and help of those below
  std::vector<Option> options;
  bool takes_file = false;  // as its argument
};

// "TEXT:{json,table}" has two.
std::vector<std::string> choices_of(const std::string& type) {
  std::vector<std::string> choices;
  const auto open = type.find('{'), close = type.find('}');
  if (open == type.npos || close == type.npos) return choices;
  for (auto begin = open + 1; begin < close;) {
    const auto end = std::min(type.find(',', begin), close);
    choices.push_back(type.substr(begin, end - begin));
    begin = end + 1;
  }
  return choices;
}

void add_options(Command& command, const CLI::App& app) {
  for (const auto* const option : app.get_options()) {
    const auto type = option->get_type_name();
    const bool is_file = type.find("FILE") != type.npos;
    if (option->get_positional()) command.takes_file = command.takes_file || option->get_name(true) == "FILE";
    const auto add = [&](const std::string& name) {
      command.options.push_back(
          {name, option->get_description(), option->get_expected_max() > 0, is_file, choices_of(type)});
    };
    for (const auto& name : option->get_lnames()) add("--" + name);
    for (const auto& name : option->get_snames()) add("-" + name);
  }
}

void add_commands(std::vector<Command>& all, const CLI::App& app, const std::string& path) {
  Command command;
  command.path = path;
  add_options(command, app);
  const auto below = app.get_subcommands([](const CLI::App*) { return true; });
  for (const auto* const each : below)
    command.commands.emplace_back(each->get_name(), each->get_description());
  all.push_back(std::move(command));
  for (const auto* const each : below) add_commands(all, *each, path + " " + each->get_name());
}

// In single quotes.
std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) c == '\'' ? out.append("'\\''") : out.append(1, c);
  return out.append("'");
}

// Which of the commands the words before the cursor name, as `path`: the same in bash and zsh.
std::string path_case(const std::vector<Command>& all) {
  std::string paths;
  for (const auto& command : all) {
    if (!command.path.empty()) paths.append(paths.empty() ? "" : "|").append(shell_quoted(command.path));
  }
  return "    case \"$path $word\" in\n      " + paths + ") path=\"$path $word\" ;;\n    esac\n";
}

std::string names_of(const Command& command) {
  std::string names;
  for (const auto& [name, help] : command.commands) names.append(name).append(" ");
  for (const auto& option : command.options) names.append(option.name).append(" ");
  return names;
}

// The options of the program may stand after any command.
std::vector<Option> options_with_values(const std::vector<Command>& all) {
  std::vector<Option> found;
  for (const auto& command : all) {
    for (const auto& option : command.options) {
      if (option.takes_value &&
          std::ranges::none_of(found, [&](const auto& o) { return o.name == option.name; }))
        found.push_back(option);
    }
  }
  return found;
}

std::string bash_script(const std::string& program, const std::vector<Command>& all) {
  std::string out =
      "# bash completion of " + program + ": source <(" + program + " completion bash)\n_" + program +
      "() {\n  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} path= word\n" +
      "  COMPREPLY=()\n  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n" + path_case(all) +
      "  done\n  case $prev in\n";
  for (const auto& option : options_with_values(all)) {
    out.append("    ").append(option.name).append(")\n      ");
    if (option.is_file) {
      out.append("COMPREPLY=($(compgen -f -- \"$cur\"))\n      ");
    } else if (!option.choices.empty()) {
      std::string words;
      for (const auto& choice : option.choices) words.append(words.empty() ? "" : " ").append(choice);
      out.append("COMPREPLY=($(compgen -W ").append(shell_quoted(words)).append(" -- \"$cur\"))\n      ");
    }
    out.append("return ;;\n");
  }
  out.append("  esac\n  case $path in\n");
  const auto global = names_of({"", {}, all.front().options, false});
  for (const auto& command : all) {
    const auto words = names_of(command) + (command.path.empty() ? "" : global);
    out.append("    ")
        .append(shell_quoted(command.path))
        .append(")\n      COMPREPLY=($(compgen -W ")
        .append(shell_quoted(words));
    out.append(" -- \"$cur\"))\n");
    if (command.takes_file) out.append("      COMPREPLY+=($(compgen -f -- \"$cur\"))\n");
    out.append("      ;;\n");
  }
  return out + "  esac\n}\ncomplete -o filenames -F _" + program + " " + program + "\n";
}

// A colon separates a word from its help.
std::string zsh_item(const std::string& name, const std::string& help) {
  std::string text;
  for (const char c : name) c == ':' ? text.append("\\:") : text.append(1, c);
  return shell_quoted(text + ":" + help);
}

std::string zsh_script(const std::string& program, const std::vector<Command>& all) {
  std::string out = "#compdef " + program + "\n# zsh completion of " + program + ": source <(" + program +
                    " completion zsh)\n_" + program + "() {\n  local path_= word prev=${words[CURRENT-1]}\n" +
                    "  local -a items\n  for word in \"${(@)words[2,CURRENT-1]}\"; do\n";
  auto cases = path_case(all);
  for (std::size_t at = 0; (at = cases.find("$path", at)) != cases.npos; at += 6) cases.insert(at + 5, "_");
  if (const auto at = cases.find("path=\""); at != cases.npos) cases.insert(at + 4, "_");
  out.append(cases).append("  done\n  case $prev in\n");
  for (const auto& option : options_with_values(all)) {
    out.append("    ").append(option.name).append(")\n      ");
    if (option.is_file) out.append("_files; ");
    if (!option.choices.empty()) {
      out.append("compadd --");
      for (const auto& choice : option.choices) out.append(" ").append(choice);
      out.append("; ");
    }
    out.append("return ;;\n");
  }
  out.append("  esac\n  case $path_ in\n");
  for (const auto& command : all) {
    out.append("    ").append(shell_quoted(command.path)).append(")\n      items=(");
    for (const auto& [name, help] : command.commands) out.append("\n        ").append(zsh_item(name, help));
    for (const auto& option : command.options)
      out.append("\n        ").append(zsh_item(option.name, option.help));
    if (!command.path.empty()) {
      for (const auto& option : all.front().options)
        out.append("\n        ").append(zsh_item(option.name, option.help));
    }
    out.append(")\n      _describe command items\n");
    if (command.takes_file) out.append("      _files\n");
    out.append("      ;;\n");
  }
  return out + "  esac\n}\nif [[ $funcstack[1] == _" + program + " ]]; then\n  _" + program +
         " \"$@\"\nelse\n  compdef _" + program + " " + program + "\nfi\n";
}

std::string fish_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out.append("'");
}

std::string fish_script(const std::string& program, const std::vector<Command>& all) {
  const auto at = "__fish_" + program + "_at";
  std::string paths;
  for (const auto& command : all) {
    if (!command.path.empty()) paths.append(" ").append(fish_quoted(command.path));
  }
  std::string out = "# fish completion of " + program + ": " + program +
                    " completion fish | source\nfunction " + at +
                    "\n  set -l path ''\n  for word in (commandline -opc)[2..-1]\n" +
                    "    contains -- \"$path $word\"" + paths + "; and set path \"$path $word\"\n  end\n" +
                    "  test \"$path\" = \"$argv[1]\"\nend\ncomplete -c " + program + " -f\n";
  const auto add_option = [&](const Option& option, const std::string& condition) {
    const bool is_long = option.name.starts_with("--");
    out.append("complete -c ").append(program).append(condition).append(is_long ? " -l " : " -s ");
    out.append(option.name.substr(is_long ? 2 : 1));
    if (option.takes_value) out.append(" -r");
    if (option.is_file) out.append(" -F");
    if (!option.choices.empty()) {
      std::string words;
      for (const auto& choice : option.choices) words.append(words.empty() ? "" : " ").append(choice);
      out.append(" -a ").append(fish_quoted(words));
    }
    out.append(" -d ").append(fish_quoted(option.help)).append("\n");
  };
  for (const auto& option : all.front().options) add_option(option, "");
  for (const auto& command : all) {
    const auto condition = " -n " + fish_quoted(at + " " + fish_quoted(command.path));
    for (const auto& [name, help] : command.commands) {
      out.append("complete -c ").append(program).append(condition).append(" -a ").append(name);
      out.append(" -d ").append(fish_quoted(help)).append("\n");
    }
    if (command.takes_file) out.append("complete -c ").append(program).append(condition).append(" -F\n");
    if (command.path.empty()) continue;
    for (const auto& option : command.options) add_option(option, condition);
  }
  return out;
}

}  // namespace

std::string completion_script(const CLI::App& app, Shell shell) {
  std::vector<Command> all;
  add_commands(all, app, "");
  switch (shell) {
    case Shell::bash:
      return bash_script(app.get_name(), all);
    case Shell::zsh:
      return zsh_script(app.get_name(), all);
    case Shell::fish:
      break;
  }
  return fish_script(app.get_name(), all);
}

}  // namespace revoked::ctl
