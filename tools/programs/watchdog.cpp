#include "tools/programs/watchdog.hpp"

#include <utility>

#include "net/http/log.hpp"

namespace revoked::tools {

Watchdog::Watchdog(boost::asio::io_context& io, Systemd& systemd, std::vector<Part> parts, Status status,
                   std::chrono::milliseconds patience)
    : systemd_(systemd), status_(std::move(status)), patience_(patience), timer_(io.get_executor()) {
  if (!systemd_.listens()) return;
  const auto now = std::chrono::steady_clock::now();
  for (auto& part : parts) {
    const auto steps = part.steps();
    parts_.push_back({std::move(part), steps, now});
  }
  wait();
}

void Watchdog::wait() {
  const auto interval = systemd_.watchdog();
  timer_.expires_after(interval ? *interval / 2 : show_every);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    look();
    wait();
  });
}

void Watchdog::look() {
  bool all = true;
  for (auto& watched : parts_) all &= has_worked(watched);
  if (all && systemd_.watchdog()) {
    systemd_.works(status_());
  } else if (all) {
    systemd_.shows(status_());
  }
}

bool Watchdog::has_worked(Watched& watched) {
  const auto now = std::chrono::steady_clock::now();
  const auto before = std::exchange(watched.steps, watched.part.steps());
  if (watched.steps != before) watched.stepped_at = now;
  const bool hangs = watched.steps == before && now - watched.stepped_at >= patience_;
  if (hangs && !watched.hangs)
    net::log(net::Level::error, "a part of the program hangs", {{"part", watched.part.name}});
  watched.hangs = hangs;
  return !hangs;
}

void add_threads(std::vector<Watchdog::Part>& parts, net::Server& server) {
  for (const auto& thread : server.threads())
    parts.push_back({"a network thread", [&thread = *thread] { return thread.ticks(); }});
}

}  // namespace revoked::tools
