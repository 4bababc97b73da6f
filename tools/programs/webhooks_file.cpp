#include "tools/programs/webhooks_file.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>

#include "tools/programs/program.hpp"

namespace revoked::tools {
namespace {

constexpr std::size_t max_hooks = 100;
constexpr std::chrono::days longest_lead{3'650};
constexpr std::string_view tables[] = {"webhook", "webhooks", "hook", "hooks"};

[[noreturn]] void fail(std::size_t hook, const std::string& what) {
  throw ConfigurationError("--webhooks-file: webhook " + std::to_string(hook) + ": " + what);
}

std::string names_of_events() {
  std::string names;
  for (const auto& event : cache::webhook_events) names.append(names.empty() ? "" : ", ").append(event.name);
  return names;
}

struct Setting {
  std::size_t hook;  // its number
  cache::Webhook& webhook;

  void set(const CLI::ConfigItem& item) const {
    if (item.name == "events") return set_events(item.inputs);
    if (item.inputs.size() != 1) fail(hook, "'" + item.name + "' must be one text");
    const auto& text = item.inputs.front();
    if (item.name == "url") {
      if (!cache::set_url(webhook, text)) fail(hook, "url must be http[s]://HOST[:PORT][/PATH]");
    } else if (item.name == "ca_file") {
      webhook.ca_file = text;
    } else if (item.name == "secret_file") {
      set_secrets(text);
    } else if (item.name == "expiring_before") {
      set_lead(text);
    } else {
      fail(hook, "'" + item.name + "' is none of url, ca_file, secret_file, events, expiring_before");
    }
  }

 private:
  void set_events(const std::vector<std::string>& names) const {
    for (const auto& name : names) {
      const auto event = cache::webhook_event_of(name);
      if (!event) fail(hook, "the event '" + name + "' is none of " + names_of_events());
      webhook.events.set(*event);
    }
  }

  void set_lead(const std::string& text) const {
    const auto option = "--webhooks-file: webhook " + std::to_string(hook) + ": expiring_before";
    webhook.expiring_before = parse_duration(text, option, longest_lead);
    if (*webhook.expiring_before < std::chrono::seconds(1))
      throw ConfigurationError(option + ": '" + text + "' is less than 1s");
  }

  std::vector<std::string> read_lines(const std::string& path) const {
    try {
      return read_keys(path);
    } catch (const ConfigurationError& error) {
      fail(hook, error.what());
    }
  }

  void set_secrets(const std::string& path) const {
    for (const auto& line : read_lines(path)) {
      const auto secret = cache::decode_webhook_secret(line);
      if (!secret) fail(hook, "a line of " + path + " is not whsec_ and base64 of 24 to 64 bytes");
      webhook.secrets.push_back(*secret);
    }
  }
};

std::vector<CLI::ConfigItem> parse(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw ConfigurationError("--webhooks-file: cannot read " + path);
  try {
    return CLI::ConfigTOML().from_config(file);
  } catch (const CLI::Error& error) {
    throw ConfigurationError("--webhooks-file: " + path + ": " + error.what());
  }
}

}  // namespace

std::vector<cache::Webhook> read_webhooks(const std::string& path) {
  std::vector<cache::Webhook> hooks;
  for (const auto& item : parse(path)) {
    const bool is_table =
        item.parents.size() == 1 && std::ranges::find(tables, item.parents.front()) != std::end(tables);
    if (!is_table)
      throw ConfigurationError("--webhooks-file: '" + item.fullname() + "' is not in a table [[webhook]]");
    if (item.name == "++") {
      if (hooks.size() == max_hooks) throw ConfigurationError("--webhooks-file: more than 100 webhooks");
      hooks.emplace_back();
    } else if (item.name != "--") {
      Setting{hooks.size(), hooks.back()}.set(item);
    }
  }
  if (hooks.empty()) throw ConfigurationError("--webhooks-file: " + path + " has no table [[webhook]]");
  for (std::size_t i = 0; i < hooks.size(); ++i) {
    if (hooks[i].url.empty()) fail(i + 1, "url is missing");
    if (hooks[i].secrets.empty()) fail(i + 1, "secret_file is missing");
    if (hooks[i].events.none()) fail(i + 1, "events is missing");
    if (hooks[i].expiring_before && !hooks[i].events.test(cache::key_expiring_event))
      fail(i + 1, "expiring_before is of key.expiring, which events does not have");
    const auto same = std::ranges::count(hooks, hooks[i].url, &cache::Webhook::url);
    if (same > 1) fail(i + 1, "another webhook has the same url");
  }
  return hooks;
}

}  // namespace revoked::tools
