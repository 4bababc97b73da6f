#pragma once
// Tells systemd that the program works, only as long as each part of it does. A part that hangs is logged
// once, and systemd restarts the program (WatchdogSec=). Does nothing if systemd does not listen. Runs on the
// io_context's thread until it stops; that thread is watched thereby.

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cache/wire/asio.hpp"
#include "net/http/server.hpp"
#include "tools/programs/systemd.hpp"

namespace revoked::tools {

class Watchdog {
 public:
  struct Part {
    std::string name;
    // Grows with each step of its work, and at least every second. Any thread.
    std::function<std::uint64_t()> steps;
  };
  // One line for `systemctl status`.
  using Status = std::function<std::string()>;

  // A part hangs if it makes no step for half of the time that systemd waits, and for `patience`.
  Watchdog(boost::asio::io_context& io, Systemd& systemd, std::vector<Part> parts, Status status,
           std::chrono::milliseconds patience = std::chrono::seconds(3));

 private:
  static constexpr std::chrono::seconds show_every{10};  // the status, if systemd waits for nothing

  struct Watched {
    Part part;
    std::uint64_t steps;
    std::chrono::steady_clock::time_point stepped_at;  // when that was first seen
    bool hangs = false;
  };

  void wait();
  void look();
  bool has_worked(Watched& watched);

  Systemd& systemd_;
  std::vector<Watched> parts_;
  Status status_;
  std::chrono::milliseconds patience_;
  cache::Timer timer_;
};

// A part for each of its threads.
void add_threads(std::vector<Watchdog::Part>& parts, net::Server& server);

}  // namespace revoked::tools
