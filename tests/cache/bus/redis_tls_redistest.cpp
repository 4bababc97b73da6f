// The same over TLS, and what is refused.
#include <gtest/gtest.h>

#include <chrono>

#include "tests/cache/bus/redis_bus.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/process.hpp"
#include "tests/support/reserved_port.hpp"

namespace revoked::cache::redis_tls_redistest {

using namespace std::chrono_literals;
using test::CertificateFiles;
using test::count_ups;
using test::text;

class RedisOverTls : public test::RedisClients {
 protected:
  std::vector<std::string> tls_options(const std::string& auth_clients) {
    return {"--tls-port",         std::to_string(tls_port_.number()),
            "--tls-cert-file",    server_certificate_.certificate_file,
            "--tls-key-file",     server_certificate_.key_file,
            "--tls-ca-cert-file", certificates_.ca(),
            "--tls-auth-clients", auth_clients};
  }
  void start(const std::string& auth_clients = "no") { server_.emplace(tls_options(auth_clients)); }

  RedisAddress address(const std::string& host, TlsClientOptions tls) {
    auto made = parse_redis_url("rediss://" + host + ":" + std::to_string(tls_port_.number())).value();
    made.tls = std::make_shared<TlsClient>(tls);
    return made;
  }
  RedisAddress address(const std::string& host = "127.0.0.1") {
    return address(host, {.ca_file = certificates_.ca(), .certificate_file = {}, .key_file = {}});
  }
  // Why neither can be used.
  std::string refusal() {
    if (!publisher_states_.wait_for_size(1) || !subscriber_states_.wait_for_size(1))
      return "nothing happened";
    const auto reason = publisher_states_.texts()[0];
    return reason == subscriber_states_.texts()[0] ? reason
                                                   : reason + " and " + subscriber_states_.texts()[0];
  }

  test::ReservedPort tls_port_;
  CertificateFiles certificates_;
  CertificateFiles::Pair server_certificate_ = certificates_.issue("redis", "IP:127.0.0.1,DNS:localhost");
  std::optional<test::RedisServer> server_;
};

TEST_F(RedisOverTls, DeliversManyMessagesAndLargeOnesInOrder) {
  start();
  open(address());
  wait_until_up();
  constexpr int count = 10'000;
  for (int i = 0; i < count; ++i) publisher_->publish("channel", text(std::to_string(i)));
  const std::string large(RedisSubscriber::max_message_bytes, 'x');
  for (int i = 0; i < 3; ++i) publisher_->publish("channel", text(large));
  publisher_->publish("channel", text("end"));
  ASSERT_TRUE(messages_.wait_for("end"));
  const auto got = messages_.texts();
  ASSERT_EQ(got.size(), count + 4);
  for (int i = 0; i < count; ++i) ASSERT_EQ(got[i], std::to_string(i));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(got[count + i] == large);
  EXPECT_EQ(publisher_->dropped(), 0);
}

TEST_F(RedisOverTls, ReceivesWhatRedisCliPublishes) {
  start();
  open(address("localhost"));
  wait_until_up();
  test::Process cli({.command = {"redis-cli", "-h", "127.0.0.1", "-p", std::to_string(tls_port_.number()),
                                 "--tls", "--cacert", certificates_.ca(), "publish", "channel", "hello"}});
  EXPECT_EQ(cli.wait(20s), 0);
  EXPECT_TRUE(messages_.wait_for("hello"));
}

TEST_F(RedisOverTls, ComesBackAfterRedisWasKilled) {
  start();
  open(address());
  wait_until_up();
  server_->kill();
  ASSERT_TRUE(publisher_states_.wait_for_size(2));
  server_->restart();
  wait_until_up(2);
  publisher_->publish("channel", text("after"));
  EXPECT_TRUE(messages_.wait_for("after"));
}

TEST_F(RedisOverTls, BoundsWhatIsUnsent) {
  start();
  open(address());
  wait_until_up();
  expect_a_bound_of_what_is_unsent(*server_);
}

TEST_F(RedisOverTls, RefusesACertificateOfAnotherCa) {
  start();
  const CertificateFiles others("another CA");
  open(address("127.0.0.1", {.ca_file = others.ca(), .certificate_file = {}, .key_file = {}}));
  EXPECT_TRUE(refusal().starts_with("down: TLS: the peer's certificate: self-signed certificate"))
      << refusal();
}

TEST_F(RedisOverTls, TrustsTheSystemsCasUnlessTold) {
  start();
  auto to = address();
  to.tls = nullptr;
  open(to);
  EXPECT_TRUE(refusal().starts_with("down: TLS: the peer's certificate: self-signed certificate"))
      << refusal();
}

TEST_F(RedisOverTls, RefusesACertificateForAnotherAddress) {
  server_certificate_ = certificates_.issue("other", "IP:127.0.0.2,DNS:redis.example");
  start();
  open(address());
  EXPECT_EQ(refusal(), "down: TLS: the peer's certificate: IP address mismatch");
}

TEST_F(RedisOverTls, RefusesACertificateForAnotherName) {
  server_certificate_ = certificates_.issue("other", "IP:127.0.0.1,DNS:redis.example");
  start();
  open(address("localhost"));
  EXPECT_EQ(refusal(), "down: TLS: the peer's certificate: hostname mismatch");
}

TEST_F(RedisOverTls, RefusesAServerWithoutTls) {
  server_.emplace();
  auto to = address();
  to.servers.at(0).port = server_->port();
  open(to);
  EXPECT_TRUE(refusal().starts_with("down: ")) << refusal();
  EXPECT_EQ(count_ups(publisher_states_.texts()), 0);
}

TEST_F(RedisOverTls, ShowsItsOwnCertificate) {
  start("yes");
  const auto own = certificates_.issue("revoked", "DNS:revoked");
  open(address(
      "127.0.0.1",
      {.ca_file = certificates_.ca(), .certificate_file = own.certificate_file, .key_file = own.key_file}));
  wait_until_up();
}

TEST_F(RedisOverTls, SaysThatACertificateIsRequired) {
  start("yes");
  open(address());
  EXPECT_NE(refusal().find("certificate required"), std::string::npos) << refusal();
}

}  // namespace revoked::cache::redis_tls_redistest
