#include "tests/support/follower_example.hpp"

#include <stdexcept>

#include "tests/support/eventually.hpp"
#include "tests/support/example_proxy.hpp"
#include "tests/support/revoked_programs.hpp"

namespace revoked::test {
namespace {

// The service behind nginx; the other two are part of their examples.
void tell_and_echo(const FakeRequest& request, FakeEngine::Peer& peer) {
  if (!request.headers.contains("upgrade")) {
    const auto fields = request.head.substr(request.head.find("\r\n") + 2);
    return peer.answer(200, fields + "\r\n", "text/plain");
  }
  peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  for (auto bytes = peer.receive(); !bytes.empty(); bytes = peer.receive()) peer.send(bytes);
}

}  // namespace

FollowerExample::FollowerExample(const std::string& kind, const Options& options) {
  if (kind == "nginx")
    start_nginx(options);
  else
    start_program(kind, options);
}

void FollowerExample::start_program(const std::string& kind, const Options& options) {
  const auto folder = source_directory() / "tools/gateways" / kind;
  // Debian's own, which have Debian's libraries.
  std::vector<std::string> command{"/usr/bin/python3", "-B", folder / "service.py"};
  if (kind == "node") command = {"node", folder / "service.js"};
  process_.emplace(Process::Options{
      .command = std::move(command),
      .environment = {"NODE_PATH=/usr/share/nodejs", "PORT=0",
                      "ENGINE=http://127.0.0.1:" + std::to_string(options.engine_port),
                      "ENGINE_KEY=" + options.engine_key, "LEASE=" + std::to_string(options.lease.count()),
                      std::string("PREFLIGHT=") + (options.allows_preflight ? "allow" : "deny")},
      .log = directory_ / "service.log"});
  const std::string ready = "ready on ";
  const auto line = process_->wait_for_line(ready, 20s);
  if (!line) throw std::runtime_error("the service did not start: " + process_->description());
  port_ = static_cast<std::uint16_t>(std::stoi(line->substr(ready.size())));
}

void FollowerExample::start_nginx(const Options& options) {
  service_.emplace(tell_and_echo);
  const auto folder = source_directory() / "tools/gateways/nginx-lua";
  write_file(directory_ / "follower.lua", read_file(folder / "follower.lua"));
  write_file(directory_ / "engine.key", options.engine_key + "\n");
  auto config = read_file(folder / "nginx.conf");
  for (const std::string file : {"?.lua", "engine.key"})
    replace_once(config, "\"/etc/nginx/revoked/" + file, "\"" + (directory_ / file).string());
  replace_once(config, "listen 8080", "listen 127.0.0.1:$PORT");
  replace_once(config, "port = 7385", "port = " + std::to_string(options.engine_port));
  replace_once(config, "lease = 3", "lease = " + std::to_string(options.lease.count()));
  replace_once(config, "127.0.0.1:3000", "127.0.0.1:" + std::to_string(service_->port()));
  if (options.allows_preflight) replace_once(config, "guard()", "guard{ preflight = \"allow\" }");
  nginx_.emplace(config, std::vector<std::string>{"ndk_http_module", "ngx_http_lua_module"});
  port_ = nginx_->port();
}

}  // namespace revoked::test
