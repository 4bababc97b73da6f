#include "tools/ctl/enforcement.hpp"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <set>
#include <thread>

#include "engine/model/position.hpp"
#include "tools/ctl/terminal.hpp"

namespace revoked::ctl {
namespace {

using Clock = std::chrono::steady_clock;

std::string milliseconds_text(const JsonValue& after) {
  if (after.kind() != JsonValue::Kind::number) return {};
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", after.number());
  return text;
}

// Each gateway once, as soon as it enforces.
class Ticks {
 public:
  explicit Ticks(bool is_shown) : is_shown_(is_shown) {}

  void show(const JsonValue& receipt) {
    if (!is_shown_) return;
    const auto& gateways = receipt["gateways"].items();
    for (const auto& gateway : gateways) {
      const auto& name = gateway["name"].text();
      if (!shown_.insert(name).second) continue;
      const auto after = milliseconds_text(gateway["after_ms"]);
      std::cerr << "\r\x1b[K" << shown_text(name) << "  " << gateway["by"].text()
                << (after.empty() ? "" : "  " + after + " ms") << '\n';
    }
    const auto waiting = receipt["waiting"].items().size();
    std::cerr << "\r\x1b[K";
    if (waiting != 0) std::cerr << "waiting for " << waiting << " of " << waiting + gateways.size();
    std::cerr << std::flush;
  }
  void end() const {
    if (is_shown_) std::cerr << "\r\x1b[K" << std::flush;
  }

 private:
  const bool is_shown_;
  std::set<std::string> shown_;
};

Table table_of(const JsonValue& receipt) {
  Table table({"GATEWAY", "ENFORCED BY", "AT (UTC)", "AFTER MS"});
  for (const auto& gateway : receipt["gateways"].items()) {
    table.add({gateway["name"].text(), gateway["by"].text(), shown_time(gateway["at"].text()),
               milliseconds_text(gateway["after_ms"])});
  }
  for (const auto& name : receipt["waiting"].items()) table.add({name.text(), "waiting", "", ""});
  return table;
}

// The exit code.
int judge(const JsonValue& receipt, std::string_view until) {
  const auto& waiting = receipt["waiting"].items();
  if (waiting.empty()) return done;
  constexpr std::size_t most_names = 20;
  std::string names;
  for (std::size_t i = 0; i < std::min(most_names, waiting.size()); ++i)
    names.append(names.empty() ? "" : ", ").append(waiting[i].text());
  if (waiting.size() > most_names) names.append(", …");
  Session::tell("done, but not enforced " + std::string(until) + "by " + names);
  return not_enforced;
}

}  // namespace

void Enforcement::add_wait_option(CLI::App& command) {
  command
      .add_option("--wait", wait_seconds_,
                  "Wait at most SECONDS until every gateway enforces it; exit code 3 if one does not")
      ->type_name("SECONDS")
      ->check(CLI::Range(0, 3600));
}

int Enforcement::follow(Session& session, const std::string& position) const {
  if (!is_wanted() || position.empty()) return done;
  try {
    return show(session, position);
  } catch (const std::runtime_error& error) {
    Session::tell(std::string("done, but not known to be enforced: ") + error.what());
    return not_enforced;
  }
}

int Enforcement::show(Session& session, const std::string& position) const {
  constexpr std::chrono::milliseconds first_pause{10}, longest_pause{200};
  const auto until = Clock::now() + std::chrono::seconds(std::max(wait_seconds_, 0));
  const auto path = "/v1/receipts/" + position;
  Ticks ticks(is_wanted() && is_error_terminal() && !session.is_json());
  auto pause = first_pause;
  auto receipt = session.get(path);
  for (ticks.show(receipt); !receipt["waiting"].items().empty() && Clock::now() < until;
       ticks.show(receipt)) {
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, longest_pause);
    receipt = session.get(path);
  }
  ticks.end();
  if (session.is_json()) {
    Session::print_line(receipt.json());
  } else if (const auto table = table_of(receipt); table.is_empty()) {
    Session::print_line("No gateway has reported to this engine.");
  } else {
    Session::print(table);
  }
  return judge(receipt, is_wanted() ? "in " + std::to_string(wait_seconds_) + " s " : "yet ");
}

std::string later_position(const std::string& a, const std::string& b) {
  const auto at = engine::parse_position(a), other = engine::parse_position(b);
  if (!at || !other) return at ? a : b;
  return *at < *other ? b : a;
}

}  // namespace revoked::ctl
