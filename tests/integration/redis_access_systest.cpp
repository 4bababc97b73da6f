// What the programs need of a Redis that trusts nobody: users with the rights that the documentation lists,
// and TLS.

#include <gtest/gtest.h>

#include <regex>

#include "tests/support/certificates.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/reserved_port.hpp"
#include "tests/support/revoked_programs.hpp"
#include "tests/support/signed_bus.hpp"

namespace revoked::test::redis_access_systest {

// Creates a key, and revokes it. Whether the gateway allows it, and denies it soon afterwards.
bool follows_a_revocation(HttpClient& admin, const GatewayProcess& gateway) {
  HttpClient client = gateway.client();
  const auto key = create_key(admin);
  if (check(client, key.secret).status != 200 || revoke(admin, key.key_id).status != 200) return false;
  return eventually([&] { return check(client, key.secret).status == 403; }, 10s);
}

bool knows_a_gateway(HttpClient& admin) {
  return !admin.get("/v1/gateways").json()["gateways"].items().empty();
}

bool follows_redis_only(const GatewayProcess& gateway) {
  const auto health = gateway.client().get("/healthz").json();
  return health["redis_connected"].is_true() && !health["feed_connected"].is_true();
}

// The lines "ACL SETUSER …" of docs/operations.md, as commands that set this password.
std::vector<std::string> documented_users(const std::string& password) {
  const auto text = read_file(source_directory() / "docs/operations.md");
  std::vector<std::string> commands;
  const std::regex line("\nACL SETUSER [^\n]*");
  for (std::sregex_iterator at(text.begin(), text.end(), line), end; at != end; ++at)
    commands.push_back(std::regex_replace(at->str().substr(1), std::regex(">…"), ">" + password));
  return commands;
}

TEST(RedisAccess, TheDocumentedRightsAreEnough) {
  const SignedBus bus;
  const RedisServer server;
  for (const auto& command : documented_users("secret")) ASSERT_EQ(server.command(command), "+OK") << command;
  const auto url = [&](const std::string& user) {
    return "redis://" + user + ":secret@127.0.0.1:" + std::to_string(server.port());
  };
  EngineProcess engine({.redis_url = url("revoked-engine"), .arguments = bus.arguments()});
  GatewayProcess gateway(engine, {.redis_url = url("revoked-gateway"), .arguments = bus.arguments()});
  HttpClient admin = engine.client();
  EXPECT_TRUE(eventually([&] { return knows_a_gateway(admin) && follows_redis_only(gateway); }))
      << engine.log_text() << gateway.log_text();
  EXPECT_TRUE(follows_a_revocation(admin, gateway));
  // With Sentinels they also ask for the role.
  for (const auto* user : {"revoked-engine", "revoked-gateway"})
    EXPECT_EQ(server.command("ACL DRYRUN " + std::string(user) + " ROLE"), "+OK");
  EXPECT_EQ(engine.log_text().find("NOPERM"), std::string::npos) << engine.log_text();
  EXPECT_EQ(gateway.log_text().find("NOPERM"), std::string::npos) << gateway.log_text();
}

TEST(RedisAccess, TheEngineLogsThatItsSubscriptionToReportsIsRefusedAndThatItIsBack) {
  const RedisServer server;
  for (const auto& command : documented_users("secret")) ASSERT_EQ(server.command(command), "+OK") << command;
  ASSERT_EQ(server.command("ACL SETUSER revoked-engine -subscribe"), "+OK");
  EngineProcess engine(
      {.redis_url = "redis://revoked-engine:secret@127.0.0.1:" + std::to_string(server.port())});
  const auto logs = [&](const std::string& text) {
    return engine.log_text().find(text) != std::string::npos;
  };
  EXPECT_TRUE(eventually([&] { return logs("\"not subscribed to the gateways' reports\""); }));
  EXPECT_TRUE(logs("NOPERM")) << engine.log_text();
  EXPECT_FALSE(logs("\"subscribed to the gateways' reports\"")) << engine.log_text();
  ASSERT_EQ(server.command("ACL SETUSER revoked-engine +subscribe"), "+OK");
  EXPECT_TRUE(eventually([&] { return logs("\"subscribed to the gateways' reports\""); }))
      << engine.log_text();
}

class RedisAccessOverTls : public testing::Test {
 protected:
  std::string url(const std::string& host = "127.0.0.1") const {
    return "rediss://" + host + ":" + std::to_string(port_.number());
  }
  // Of a program that also signs.
  std::vector<std::string> arguments(const std::string& ca_file) const {
    const auto own = certificates_.issue("revoked", "DNS:revoked");
    return bus_.arguments(
        {"--redis-ca-file", ca_file, "--redis-cert", own.certificate_file, "--redis-key", own.key_file});
  }

  SignedBus bus_;
  ReservedPort port_;
  CertificateFiles certificates_;
  CertificateFiles::Pair server_certificate_ = certificates_.issue("redis", "IP:127.0.0.1");
  RedisServer server_{{"--tls-port", std::to_string(port_.number()), "--tls-cert-file",
                       server_certificate_.certificate_file, "--tls-key-file", server_certificate_.key_file,
                       "--tls-ca-cert-file", certificates_.ca()}};
};

TEST_F(RedisAccessOverTls, RevocationsAndReportsTravelOverTls) {
  EngineProcess engine({.redis_url = url(), .arguments = arguments(certificates_.ca())});
  GatewayProcess gateway(engine, {.redis_url = url(), .arguments = arguments(certificates_.ca())});
  HttpClient admin = engine.client();
  EXPECT_TRUE(eventually([&] { return knows_a_gateway(admin) && follows_redis_only(gateway); }))
      << engine.log_text() << gateway.log_text();
  EXPECT_TRUE(follows_a_revocation(admin, gateway));
}

TEST_F(RedisAccessOverTls, BothProgramsLogWhyTheyDoNotTrustARedis) {
  const CertificateFiles others("another CA");
  EngineProcess engine({.redis_url = url(), .arguments = arguments(others.ca())});
  GatewayProcess gateway(engine, {.redis_url = url("localhost"), .arguments = arguments(certificates_.ca())});
  EXPECT_TRUE(eventually([&] {
    return engine.log_text().find("the peer's certificate: self-signed certificate") != std::string::npos;
  })) << engine.log_text();
  EXPECT_TRUE(eventually([&] {
    return gateway.log_text().find("the peer's certificate: hostname mismatch") != std::string::npos;
  })) << gateway.log_text();
}

}  // namespace revoked::test::redis_access_systest
