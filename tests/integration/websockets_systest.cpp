// tools/gateways/websockets behind the nginx of tools/gateways: a socket ends with its key.

#include <gtest/gtest.h>

#include <iostream>

#include "tests/support/example_proxy.hpp"
#include "tests/support/revoked_programs.hpp"

namespace revoked::test::websockets_systest {

// Where Debian has packages for Node.
const std::string modules = "NODE_PATH=/usr/share/nodejs";

TEST(WebSockets, AreClosedOnceTheirKeyIsRevoked) {
  const double limit_ms = programs_are_sanitized() ? 5000 : 500;  // 50 on a machine without other work
  EngineProcess engine;
  GatewayProcess gateway(engine);
  TemporaryDirectory directory;
  Process server(
      {.command = {"node", source_directory() / "tools/gateways/websockets/server.js"},
       .environment = {modules, "PORT=0", "GATEWAY=http://127.0.0.1:" + std::to_string(gateway.port())},
       .log = directory / "server.log"});
  const auto ready = server.wait_for_line("ready on ", 20s);
  ASSERT_TRUE(ready) << server.description();
  const auto port = static_cast<std::uint16_t>(std::stoi(ready->substr(9)));
  const ExampleProxy nginx("nginx", gateway.port(), port);
  Process client({.command = {"node", source_directory() / "tests/integration/websockets_client.js"},
                  .environment = {modules, "PROXY=ws://127.0.0.1:" + std::to_string(nginx.port()),
                                  "ENGINE=" + engine.url(), "MASTER_KEY=" + engine.master_key()},
                  .log = directory / "client.log"});
  const auto measured = client.wait_for_line("closed after the 2xx: ", 60s);
  ASSERT_TRUE(measured) << client.description() << server.description() << nginx.log_text();
  std::cout << *measured << '\n';
  const std::string longest = "longest ";
  EXPECT_LT(std::stod(measured->substr(measured->find(longest) + longest.size())), limit_ms);
  EXPECT_EQ(client.wait(20s), 0) << client.description();
}

}  // namespace revoked::test::websockets_systest
