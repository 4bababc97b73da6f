// revokectl status: whether all is well, and what is not.

#include <algorithm>
#include <charconv>
#include <map>

#include "engine/base/time.hpp"
#include "tools/ctl/commands.hpp"
#include "tools/ctl/progress.hpp"

namespace revoked::ctl {
namespace {

// What is looked at: each a line that is ok, to be noted, or bad.
class Findings {
 public:
  void good(const std::string& what, const std::string& detail) { table_.add({"ok", what, detail}); }
  void note(const std::string& what, const std::string& detail) { table_.add({"note", what, detail}); }
  void bad(const std::string& what, const std::string& detail) {
    table_.add({"bad", what, detail});
    is_well_ = false;
  }
  void add(bool is_good, const std::string& what, const std::string& detail) {
    is_good ? good(what, detail) : bad(what, detail);
  }

  const Table& table() const { return table_; }
  bool is_well() const { return is_well_; }

 private:
  Table table_{{"", "WHAT", "STATE"}};
  bool is_well_ = true;
};

// The values of /metrics that have no labels, and the labels of revoked_build_info.
class Metrics {
 public:
  explicit Metrics(std::string_view text) {
    while (!text.empty()) {
      const auto line = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(line.size() + 1, text.size()));
      const auto blank = line.rfind(' ');
      if (line.starts_with('#') || blank == line.npos) continue;
      values_.emplace(line.substr(0, blank), line.substr(blank + 1));
    }
  }
  double number(const std::string& name) const {
    const auto found = values_.find(name);
    double number = -1;
    if (found != values_.end())
      std::from_chars(found->second.data(), found->second.data() + found->second.size(), number);
    return number;
  }
  std::string version() const {
    constexpr std::string_view label = "version=\"";
    const auto found = values_.lower_bound("revoked_build_info{");
    if (found == values_.end() || !found->first.starts_with("revoked_build_info{")) return {};
    const auto begin = found->first.find(label);
    if (begin == std::string::npos) return {};
    return found->first.substr(begin + label.size(),
                               found->first.find('"', begin + label.size()) - begin - label.size());
  }

 private:
  std::map<std::string, std::string> values_;
};

void look_at_engine(Findings& findings, const Target& target, const JsonValue& health,
                    const Metrics& metrics) {
  const auto& status = health["status"].text();
  std::string detail = status;
  if (const auto version = metrics.version(); !version.empty()) detail.append(", version ").append(version);
  if (const auto& epoch = health["epoch"].text(); !epoch.empty())
    detail.append(", position ").append(epoch).append("-").append(health["durable"].text());
  findings.add(status == "ready", "engine " + target.url, detail);
  const auto& redis = health["redis"];
  if (redis.kind() == JsonValue::Kind::null)
    findings.note("redis", "none: gateways follow the engine's own feed");
  else
    findings.add(redis.text() == "connected", "redis", redis.text());
}

void look_at_disk(Findings& findings, const Metrics& metrics) {
  const auto free = metrics.number("revoked_storage_free_bytes");
  const auto size = metrics.number("revoked_storage_size_bytes");
  const auto reserve = metrics.number("revoked_storage_reserve_bytes");
  if (free < 0 || size <= 0) return;
  const auto detail = short_number(free) + "B free of " + short_number(size) + "B";
  if (metrics.number("revoked_storage_failed") > 0)
    findings.bad("disk", "it has failed: the engine is about to exit");
  else if (free < reserve)
    findings.bad("disk", detail + ": creations and imports are refused");
  else
    findings.good("disk", detail);
}

void look_at_gateways(Findings& findings, const JsonValue& gateways) {
  const auto& all = gateways["gateways"].items();
  double lag = 0;
  std::size_t current = 0;
  for (const auto& gateway : all) {
    const auto& state = gateway["state"].text();
    const auto& name = gateway["name"].text();
    if (state != "current")
      findings.bad("gateway " + name, state + " since " + shown_time(gateway["reported_at"].text()));
    else if (gateway["lag"].kind() == JsonValue::Kind::null)
      findings.bad("gateway " + name, "follows another journal");
    else
      ++current, lag = std::max(lag, gateway["lag"].number());
  }
  const auto detail = std::to_string(current) + " of " + std::to_string(all.size()) + " current, " +
                      short_number(lag) + " events behind at most";
  if (all.empty())
    findings.note("gateways", "none has reported");
  else
    findings.add(current == all.size(), "gateways", detail);
}

std::string days_text(double seconds) {
  const auto days = static_cast<long>(seconds / 86'400);
  return std::to_string(days) + (days == 1 ? " day" : " days");
}

void look_at_expiries(Findings& findings, const Metrics& metrics) {
  constexpr double soon_s = 14.0 * 86'400;
  if (const auto expires = metrics.number("revoked_certificate_expiry_timestamp_seconds"); expires > 0) {
    const auto left = expires - static_cast<double>(engine::now_unix_ms()) / 1000;
    findings.add(left > soon_s, "certificate",
                 left > 0 ? "expires in " + days_text(left) : "expired " + days_text(-left) + " ago");
  }
  if (const auto keys = metrics.number("revoked_keys_expiring"); keys > 0)
    findings.note("keys", short_number(keys) + (keys == 1 ? " expires" : " expire") + " within 7 days");
}

int show_status(Session& session) {
  auto& client = session.client();
  const auto health_answer = client.ask("GET", "/healthz");
  const auto health = JsonValue::parse(health_answer.body);
  const auto metrics_answer = client.ask("GET", "/metrics");
  const Metrics metrics(metrics_answer.is_good() ? metrics_answer.body : "");
  const auto gateways_answer = client.ask("GET", "/v1/gateways");
  const auto gateways = JsonValue::parse(gateways_answer.body);

  Findings findings;
  look_at_engine(findings, client.target(), health, metrics);
  look_at_disk(findings, metrics);
  look_at_expiries(findings, metrics);
  if (gateways_answer.is_good())
    look_at_gateways(findings, gateways);
  else
    findings.note("gateways", "not shown: " + std::string(client.target().credential.empty()
                                                              ? "give --key-file"
                                                              : Refused(gateways_answer).what()));
  if (session.is_json()) {
    Session::print_line(health.json());
    if (gateways_answer.is_good()) Session::print_line(gateways.json());
  } else {
    Session::print(findings.table());
  }
  return findings.is_well() ? done : refused;
}

}  // namespace

void add_status_command(CommandTree& tree) {
  auto& session = tree.session();
  tree.add("status", "Whether all is well, and what is not; exit code 1 then",
           {"status", "status --engine prod"}, [&session] { return show_status(session); });
}

}  // namespace revoked::ctl
