#include "tests/support/example_proxy.hpp"

#include <stdexcept>

#include "tests/support/eventually.hpp"
#include "tests/support/revoked_programs.hpp"

namespace revoked::test {

void replace_once(std::string& text, std::string_view what, const std::string& with) {
  const auto at = text.find(what);
  if (at == std::string::npos) throw std::runtime_error("no " + std::string(what) + " in the example");
  text.replace(at, what.size(), with);
}

namespace {

std::string address_of(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

}  // namespace

ExampleProxy::ExampleProxy(const std::string& program, std::uint16_t gateway_port, std::uint16_t service_port)
    : gateway_port_(gateway_port), service_port_(service_port) {
  if (program == "nginx") {
    auto config = example("nginx.conf");
    replace_once(config, "listen 8080", "listen 127.0.0.1:$PORT");
    nginx_.emplace(std::move(config));
  } else if (program == "caddy") {
    auto config = example("Caddyfile");
    replace_once(config, ":8080 {", "http://" + address_of(port()) + " {");
    // It would also open its administration port.
    write_file(directory_ / "Caddyfile", "{\n\tadmin off\n}\n" + config);
    start({"caddy", "run", "--adapter", "caddyfile", "--config", directory_ / "Caddyfile"});
  } else {
    auto config = example("haproxy.cfg");
    replace_once(config, "bind :8080", "bind " + address_of(port()));
    replace_once(config, "/etc/haproxy/revoked.lua", directory_ / "revoked.lua");
    write_file(directory_ / "haproxy.cfg", config);
    write_file(directory_ / "revoked.lua", example("revoked.lua"));
    start({"haproxy", "-db", "-f", directory_ / "haproxy.cfg"});
  }
}

std::string ExampleProxy::example(const std::string& name) const {
  auto text = read_file(source_directory() / "tools/gateways" / name);
  // HAProxy names the gateway in one file, and the service in the other.
  if (name != "haproxy.cfg") replace_once(text, "127.0.0.1:7386", address_of(gateway_port_));
  if (name != "revoked.lua") replace_once(text, "127.0.0.1:3000", address_of(service_port_));
  return text;
}

void ExampleProxy::start(std::vector<std::string> command) {
  // Caddy keeps its state in $HOME.
  process_.emplace(Process::Options{
      .command = std::move(command),
      .environment = {"HOME=" + directory_.path().string(), "XDG_DATA_HOME=" + directory_.path().string(),
                      "XDG_CONFIG_HOME=" + directory_.path().string()},
      .log = directory_ / "proxy.log",
      .directory = directory_.path()});
  if (!eventually([&] { return accepts_connections(port()) || !process_->is_running(); }) ||
      !process_->is_running()) {
    throw std::runtime_error("the proxy did not start: " + process_->description());
  }
}

}  // namespace revoked::test
