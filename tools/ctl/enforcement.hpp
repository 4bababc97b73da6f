#pragma once
// Which gateways enforce a change: --wait of all commands that end keys, and `receipt`.

#include <CLI/CLI.hpp>
#include <chrono>
#include <string>

#include "tools/ctl/session.hpp"

namespace revoked::ctl {

class Enforcement {
 public:
  void add_wait_option(CLI::App& command);
  bool is_wanted() const { return wait_seconds_ >= 0; }

  // With --wait: follows the receipt of `position` until all gateways enforce it or the time is over, and
  // prints it. On a terminal each gateway is shown as soon as it does. Without --wait, or without a position,
  // does nothing. Returns the exit code.
  int follow(Session& session, const std::string& position) const;
  // The same, but the receipt is printed without --wait as well.
  int show(Session& session, const std::string& position) const;

 private:
  int wait_seconds_ = -1;
};

// The later one of two positions as text; an empty one is earlier than all.
std::string later_position(const std::string& a, const std::string& b);

}  // namespace revoked::ctl
