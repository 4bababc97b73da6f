// The client of the gateway against an HTTPS server: whom it trusts, and what it says when it does not.

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>

#include "cache/wire/http_connection.hpp"
#include "net/http/server_certificate.hpp"
#include "tests/net/http/test_service.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/loopback.hpp"
#include "tests/support/process.hpp"

namespace revoked::net::tls_client_test {

using cache::HttpConnection;
using cache::HttpOrigin;
using cache::TlsClient;
using revoked::test::CertificateAuthority;
using test::ServedTest;
using namespace std::chrono_literals;

// A connection after its handshake.
struct Connected {
  Connected(std::uint16_t port, TlsClient& client, const std::string& host, int version = 0)
      : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), tls(client.connection_to(host)) {
    const auto address = revoked::test::loopback(port);
    EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    SSL_set_fd(tls.get(), socket);
    SSL_set_max_proto_version(tls.get(), version);
    is_established = SSL_connect(tls.get()) == 1;
    ERR_clear_error();
  }
  ~Connected() { ::close(socket); }

  int socket;
  cache::TlsConnection tls;
  bool is_established = false;
};

class TlsClients : public testing::Test {
 protected:
  TlsClients() { revoked::test::write_file(ca_file(), ca_.certificate()); }

  std::string ca_file() const { return directory_ / "ca.pem"; }
  std::shared_ptr<ServerCertificate> made(const CertificateAuthority::Wanted& wanted = {},
                                          const std::string& client_ca = {}) const {
    const auto issued = ca_.issue(wanted);
    return std::make_shared<ServerCertificate>(
        ServerCertificate::Texts{issued.certificate, issued.key, client_ca});
  }

  // The answer to a request, or why there is none. By value: a coroutine.
  static cache::Task<std::string> ask(cache::asio::io_context& io, std::shared_ptr<HttpOrigin> origin,
                                      std::string target) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    const auto connection = std::make_shared<HttpConnection>(io);
    const auto connected = co_await HttpConnection::connect(connection, origin, deadline);
    if (connected.has_error()) co_return connected.error().message();
    const auto request =
        std::make_shared<const std::string>("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
    std::string bodies;
    for (int i = 0; i < 2; ++i) {
      const auto answer = co_await HttpConnection::exchange(connection, request, 1 << 20, deadline);
      if (answer.has_error()) co_return answer.error().message();
      bodies += answer->body;
      if (!connection->is_reusable()) co_return "not reusable";
    }
    co_return bodies;
  }

  std::string answer(std::uint16_t port, const std::string& host, const cache::TlsClientOptions& options,
                     const std::string& target = "/big?size=3") {
    cache::asio::io_context io(1);
    const auto origin = std::make_shared<HttpOrigin>(io, host, port, std::make_shared<TlsClient>(options));
    std::string said;
    cache::asio::co_spawn(io, ask(io, origin, target), [&](const std::exception_ptr& bug, std::string text) {
      cache::rethrow(bug);
      said = std::move(text);
    });
    io.run();
    return said;
  }

  const CertificateAuthority ca_;
  const revoked::test::TemporaryDirectory directory_;
};

TEST_F(TlsClients, AskAServerOfATrustedCaForItsNameOrAddress) {
  ServedTest served({}, 1, made());
  EXPECT_EQ(answer(served.port, "127.0.0.1", {ca_file(), "", ""}), "xxxxxx");
  EXPECT_EQ(answer(served.port, "localhost", {ca_file(), "", ""}), "xxxxxx");
  EXPECT_EQ(answer(served.port, "localhost", {ca_file(), "", ""}, "/big?size=300000").size(), 600'000u);
}

TEST_F(TlsClients, RefuseAnotherName) {
  ServedTest served({}, 1, made({.alternative_names = "DNS:engine.example,IP:127.0.0.2"}));
  EXPECT_NE(answer(served.port, "localhost", {ca_file(), "", ""}).find("hostname mismatch"),
            std::string::npos);
  EXPECT_NE(answer(served.port, "127.0.0.1", {ca_file(), "", ""}).find("IP address mismatch"),
            std::string::npos);
}

TEST_F(TlsClients, RefuseACaThatTheyDoNotKnow) {
  ServedTest served({}, 1, made());
  revoked::test::write_file(directory_ / "other.pem", CertificateAuthority("other").certificate());
  const auto of_other = answer(served.port, "localhost", {directory_ / "other.pem", "", ""});
  EXPECT_NE(of_other.find("the peer's certificate: unable to get local issuer"), std::string::npos)
      << of_other;
  const auto of_the_system = answer(served.port, "localhost", {});
  EXPECT_NE(of_the_system.find("the peer's certificate:"), std::string::npos) << of_the_system;
}

TEST_F(TlsClients, RefuseAnExpiredCertificate) {
  ServedTest served({}, 1, made({.valid_until = -60s}));
  const auto said = answer(served.port, "localhost", {ca_file(), "", ""});
  EXPECT_NE(said.find("certificate has expired"), std::string::npos) << said;
}

TEST_F(TlsClients, RefuseAServerWithoutTls) {
  ServedTest served;
  const auto said = answer(served.port, "localhost", {ca_file(), "", ""});
  EXPECT_NE(said.find("wrong version number"), std::string::npos) << said;
}

TEST_F(TlsClients, ShowTheirCertificate) {
  const CertificateAuthority clients("CA of the clients");
  ServedTest served({}, 1, made({}, clients.certificate()));
  const auto own = clients.issue();
  revoked::test::write_file(directory_ / "own.pem", own.certificate);
  revoked::test::write_file(directory_ / "own.key", own.key);
  EXPECT_EQ(answer(served.port, "localhost", {ca_file(), directory_ / "own.pem", directory_ / "own.key"}),
            "xxxxxx");
  const auto without = answer(served.port, "localhost", {ca_file(), "", ""});
  EXPECT_NE(without.find("certificate required"), std::string::npos) << without;
}

TEST_F(TlsClients, NameTheFileThatCannotBeUsed) {
  const auto why = [](const cache::TlsClientOptions& options) -> std::string {
    try {
      const TlsClient client(options);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(why({"/nowhere/ca.pem", "", ""}).find("/nowhere/ca.pem: No such file"), std::string::npos)
      << why({"/nowhere/ca.pem", "", ""});
  EXPECT_NE(why({"", "/nowhere/own.pem", "/nowhere/own.key"}).find("/nowhere/own.pem"), std::string::npos);
  EXPECT_NE(why({"", ca_file(), ca_file()}).find("the private key in " + ca_file()), std::string::npos);
}

TEST_F(TlsClients, ReadTheirFilesAgain) {
  const CertificateAuthority other("another CA");
  const auto issued = other.issue();
  ServedTest served(
      {}, 1,
      std::make_shared<ServerCertificate>(ServerCertificate::Texts{issued.certificate, issued.key, ""}));
  TlsClient client({ca_file(), "", ""});
  const auto is_trusted = [&] {
    const Connected connected(served.port, client, "localhost");
    return connected.is_established;
  };
  EXPECT_FALSE(is_trusted());
  revoked::test::write_file(ca_file(), "no certificate");
  revoked::test::write_file(ca_file(), other.certificate());
  EXPECT_TRUE(revoked::test::eventually(is_trusted));
}

TEST_F(TlsClients, ResumeTheLastSessionWithTheSameHost) {
  ServedTest served({}, 1, made());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client({ca_file(), "", ""});
    const auto is_resumed = [&](const std::string& host) {
      const Connected connected(served.port, client, host, version);
      EXPECT_TRUE(connected.is_established);
      const auto& connection = connected.tls;
      const std::string request = "GET /big?size=3 HTTP/1.1\r\nHost: a\r\n\r\n";
      SSL_write(connection.get(), request.data(), static_cast<int>(request.size()));
      char answer[1000];
      EXPECT_GT(SSL_read(connection.get(), answer, sizeof answer), 0);
      return SSL_session_reused(connection.get()) == 1;
    };
    EXPECT_FALSE(is_resumed("localhost"));
    EXPECT_TRUE(is_resumed("localhost"));
    EXPECT_TRUE(is_resumed("localhost"));
    EXPECT_FALSE(is_resumed("127.0.0.1")) << "checked for another name";
    EXPECT_TRUE(is_resumed("127.0.0.1"));
    EXPECT_TRUE(is_resumed("localhost"));
  }
}

}  // namespace revoked::net::tls_client_test
