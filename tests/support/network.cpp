#include "tests/support/network.hpp"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "tests/support/process.hpp"

namespace revoked::test {
namespace {

constexpr auto this_namespace = "/proc/thread-self/ns/net";

int new_namespace() {
  int made = -1;
  std::thread([&made] {
    if (::unshare(CLONE_NEWNET) == 0) made = ::open(this_namespace, O_RDONLY | O_CLOEXEC);
  }).join();
  return made;
}

int needed(int descriptor, const char* what) {
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), what);
  return descriptor;
}

// Enters a namespace, and returns to the previous one at its end.
int enter(int there) {
  const int home = needed(::open(this_namespace, O_RDONLY | O_CLOEXEC), this_namespace);
  needed(::setns(there, CLONE_NEWNET), "setns");
  return home;
}

void go_home(int home) {
  ::setns(home, CLONE_NEWNET);
  ::close(home);
}

std::string network_of(std::size_t host) { return "10.77." + std::to_string(host); }

}  // namespace

bool Network::is_permitted() {
  const int tried = new_namespace();
  if (tried < 0) return false;
  ::close(tried);
  return ::access("/usr/sbin/ip", X_OK) == 0 || ::access("/sbin/ip", X_OK) == 0;
}

Network::Network(std::size_t hosts) : router_(needed(new_namespace(), "a network namespace")) {
  std::string router = "link set lo up\n";
  for (std::size_t host = 0; host < hosts; ++host) {
    hosts_.push_back(needed(new_namespace(), "a network namespace"));
    const auto name = "host" + std::to_string(host);
    router += "link add name " + name + " type veth peer name wire netns /proc/" +
              std::to_string(::getpid()) + "/fd/" + std::to_string(hosts_.back()) + "\n" + "address add " +
              network_of(host) + ".1/24 dev " + name + "\nlink set " + name + " up\n";
  }
  run_ip(router_, router);
  for (std::size_t host = 0; host < hosts; ++host) {
    run_ip(hosts_[host], "link set lo up\naddress add " + address(host) +
                             "/24 dev wire\nlink set wire up\nroute add default via " + network_of(host) +
                             ".1\n");
  }
  const int home = enter(router_);
  write_file("/proc/sys/net/ipv4/ip_forward", "1");
  go_home(home);
}

Network::~Network() {
  for (const int host : hosts_) ::close(host);
  ::close(router_);
}

void Network::run_ip(int in, const std::string& lines) const {
  const auto batch = directory_ / "batch";
  const auto log = directory_ / "ip.log";
  write_file(batch, lines);
  const int home = enter(in);
  Process ip({.command = {"/sbin/ip", "-batch", batch}, .log = log});
  go_home(home);
  if (ip.wait(std::chrono::seconds(30)) != 0) throw std::runtime_error(ip.description());
}

std::string Network::rules(std::string_view verb, const std::vector<Direction>& directions) const {
  std::string lines;
  for (const auto& [from, to] : directions)
    lines += "rule " + std::string(verb) + " from " + address(from) + " to " + address(to) + " blackhole\n";
  return lines;
}

void Network::cut(const std::vector<Direction>& directions) {
  if (directions.empty()) return;
  run_ip(router_, rules("add", directions));
  cut_.insert(cut_.end(), directions.begin(), directions.end());
}

void Network::mend() {
  if (!cut_.empty()) run_ip(router_, rules("delete", cut_));
  cut_.clear();
}

Network::Stay::Stay(const Network* network, std::size_t host)
    : home_(network == nullptr ? -1 : enter(network->hosts_.at(host))) {}
Network::Stay::~Stay() {
  if (home_ >= 0) go_home(home_);
}

}  // namespace revoked::test
