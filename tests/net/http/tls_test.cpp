// The server over TLS: what it accepts, what it refuses, and that HTTP is the same as without.

#include <gtest/gtest.h>

#include <thread>

#include "net/http/server_certificate.hpp"
#include "tests/net/http/raw_client.hpp"
#include "tests/net/http/test_service.hpp"
#include "tests/support/certificates.hpp"

namespace revoked::net::tls_test {

using revoked::test::Certificate;
using revoked::test::CertificateAuthority;
using revoked::test::ConnectionFailed;
using revoked::test::eventually;
using revoked::test::HttpClient;
using revoked::test::TlsFailed;
using revoked::test::TlsPeer;
using test::RawClient;
using test::ServedTest;
using namespace std::chrono_literals;

class Tls : public testing::Test {
 protected:
  static ServerCertificate::Texts texts(const Certificate& issued, const std::string& client_ca = {}) {
    return {issued.certificate, issued.key, client_ca};
  }
  std::shared_ptr<ServerCertificate> made(const std::string& client_ca = {}) const {
    return std::make_shared<ServerCertificate>(texts(ca_.issue(), client_ca));
  }
  TlsPeer peer() const { return {.ca = ca_.certificate(), .certificate = {}, .key = {}}; }
  HttpClient client(const ServedTest& served, const TlsPeer& peer) const {
    HttpClient client(served.port);
    client.use_tls(peer);
    return client;
  }
  HttpClient client(const ServedTest& served) const { return client(served, peer()); }

  // Why the first exchange fails; empty if it does not. In TLS 1.3 a client learns of a refusal only then.
  std::string failure(const ServedTest& served, const TlsPeer& peer) const {
    try {
      auto connecting = client(served, peer);
      return connecting.get("/x").status == 200 ? "" : "another status";
    } catch (const ConnectionFailed& failed) {
      return failed.what();
    }
  }

  const CertificateAuthority ca_;
};

TEST_F(Tls, ServesAsWithout) {
  ServedTest served({}, 1, made());
  auto connected = client(served);
  for (int i = 0; i < 10; ++i) {
    const auto answer = connected.request("POST", "/p" + std::to_string(i), {}, "body " + std::to_string(i));
    EXPECT_EQ(answer.body, "body " + std::to_string(i));
    EXPECT_EQ(answer.header("X-Path"), "/p" + std::to_string(i));
  }
  EXPECT_EQ(connected.tls()->version(), "TLSv1.3");
  const std::string upload(1 << 20, 'u');
  EXPECT_EQ(connected.request("POST", "/large", {}, upload).body, upload);
}

TEST_F(Tls, AnswersPipelinesInOrder) {
  ServedTest served({}, 1, made());
  auto connected = client(served);
  std::string pipeline;
  for (int i = 0; i < 300; ++i) pipeline += connected.format("POST", "/", {}, std::to_string(i));
  for (int i = 0; i < 20; ++i)
    pipeline += connected.format("GET", "/big?size=" + std::to_string(100'000 + i));
  connected.send(pipeline);
  for (int i = 0; i < 300; ++i) ASSERT_EQ(connected.receive().body, std::to_string(i));
  for (int i = 0; i < 20; ++i) ASSERT_EQ(connected.receive().body.size(), 100'000 + i);
}

TEST_F(Tls, PutsARequestTogetherFromRecordsOfOneByte) {
  ServedTest served({}, 1, made());
  auto connected = client(served);
  const auto request = connected.format("POST", "/echo", {}, "0123456789");
  for (const char byte : request) connected.send({&byte, 1});
  EXPECT_EQ(connected.receive().body, "0123456789");
}

TEST_F(Tls, SpeaksTls12AndNothingOlder) {
  ServedTest served({}, 1, made());
  auto asked = peer();
  asked.tls_1_2 = true;
  auto connected = client(served, asked);
  EXPECT_EQ(connected.get("/").status, 200);
  EXPECT_EQ(connected.tls()->version(), "TLSv1.2");
  asked = peer();
  asked.old_version = true;
  EXPECT_NE(failure(served, asked).find("protocol version"), std::string::npos) << failure(served, asked);
}

TEST_F(Tls, SpeaksHttp11AndNoOtherProtocol) {
  ServedTest served({}, 1, made());
  auto asked = peer();
  asked.protocols = "\x02h2\x08http/1.1";
  auto connected = client(served, asked);
  EXPECT_EQ(connected.get("/").status, 200);
  EXPECT_EQ(connected.tls()->protocol(), "http/1.1");
  asked.protocols = "\x02h2";
  EXPECT_NE(failure(served, asked).find("application protocol"), std::string::npos);
}

TEST_F(Tls, ClosesOnWhatIsNotTls) {
  ServedTest served({}, 1, made());
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), std::string(5000, '\x16'), std::string(100, '\0'),
        std::string("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10)}) {
    RawClient raw(served.port);
    raw.send(bytes);
    const auto answer = raw.read_to_end();
    EXPECT_TRUE(raw.was_closed());
    EXPECT_EQ(answer.find("HTTP"), std::string::npos) << answer;
    EXPECT_LE(answer.size(), 7u) << "an alert at most";
  }
  EXPECT_EQ(served.service.requests, 0);
  EXPECT_EQ(client(served).get("/").status, 200);
}

TEST_F(Tls, HandshakesHaveADeadline) {
  ServerLimits limits;
  limits.head_timeout = 100ms;
  ServedTest served(limits, 1, made());
  RawClient silent(served.port);
  EXPECT_TRUE(silent.is_closed_silently());
  RawClient slow(served.port);
  const std::string begin("\x16\x03\x01\x02\x00\x01", 6);
  for (const char byte : begin) slow.send({&byte, 1});
  EXPECT_TRUE(slow.is_closed_silently());
}

TEST_F(Tls, AHandshakeMakesRoomForOthersAtTheLimit) {
  ServerLimits limits;
  limits.connections = 2;
  limits.short_wait = 0ms;
  ServedTest served(limits, 1, made());
  RawClient first(served.port);
  RawClient second(served.port);
  EXPECT_EQ(client(served).get("/").status, 200);
}

TEST_F(Tls, ResumesSessions) {
  ServedTest served({}, 2, made());
  for (const bool tls_1_2 : {false, true}) {
    auto asked = peer();
    asked.tls_1_2 = tls_1_2;
    for (int i = 0; i < 3; ++i) {
      auto connected = client(served, asked);
      EXPECT_EQ(connected.get("/").status, 200);
      EXPECT_EQ(connected.tls()->is_resumed(), i > 0) << connected.tls()->version();
      asked.session = connected.tls()->session();
    }
  }
}

TEST_F(Tls, ClientsNeedACertificateOfTheCaIfThereIsOne) {
  const CertificateAuthority clients("CA of the clients");
  ServedTest served({}, 1, made(clients.certificate()));
  for (const bool tls_1_2 : {false, true}) {
    auto asked = peer();
    asked.tls_1_2 = tls_1_2;
    EXPECT_NE(failure(served, asked), "");
    const auto with = [&](const Certificate& issued) {
      asked.certificate = issued.certificate;
      asked.key = issued.key;
      return asked;
    };
    EXPECT_NE(failure(served, with(ca_.issue())), "") << "a certificate of another CA";
    EXPECT_NE(failure(served, with(clients.issue({.valid_until = -60s}))), "") << "an expired one";
    EXPECT_EQ(failure(served, with(clients.issue())), "");
    auto connected = client(served, asked);
    EXPECT_EQ(connected.get("/").status, 200);
    asked.session = connected.tls()->session();
    auto again = client(served, asked);
    EXPECT_EQ(again.get("/").status, 200);
    EXPECT_FALSE(again.tls()->is_resumed()) << "a session would outlive the certificate";
  }
}

TEST_F(Tls, TheCertificateIsReplacedWhileConnectionsStayOpen) {
  const auto certificate = made();
  ServedTest served({}, 1, certificate);
  auto before = client(served);
  EXPECT_EQ(before.get("/").status, 200);
  const auto session = before.tls()->session();

  const CertificateAuthority other("another CA");
  certificate->replace(texts(other.issue({.name = "replaced"})));
  EXPECT_EQ(certificate->subject(), "CN=replaced");
  EXPECT_EQ(before.get("/").status, 200) << "open connections continue";
  auto asked = peer();
  EXPECT_NE(failure(served, asked), "") << "the old CA's certificate is not shown any more";
  asked.ca = other.certificate();
  EXPECT_EQ(failure(served, asked), "");
  asked.session = session;
  auto after = client(served, asked);
  EXPECT_EQ(after.get("/").status, 200);
  EXPECT_FALSE(after.tls()->is_resumed());
}

TEST_F(Tls, ACertificateThatCannotBeUsedChangesNothing) {
  const auto certificate = made();
  ServedTest served({}, 1, certificate);
  const auto good = ca_.issue();
  const auto why = [&](const ServerCertificate::Texts& broken) -> std::string {
    try {
      certificate->replace(broken);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(why({"", good.key, ""}).find("the certificate cannot be read"), std::string::npos);
  EXPECT_NE(why({good.certificate, "", ""}).find("the private key cannot be read"), std::string::npos);
  EXPECT_NE(why({good.certificate, ca_.issue().key, ""}).find("is not that of the certificate"),
            std::string::npos);
  const auto cut = good.certificate + good.certificate.substr(0, good.certificate.size() / 2);
  EXPECT_NE(why({cut, good.key, ""}).find("chain"), std::string::npos);
  EXPECT_NE(why({good.certificate, good.key, "no CA"}).find("clients"), std::string::npos);
  EXPECT_EQ(failure(served, peer()), "");
}

TEST_F(Tls, WhatIsCutOffIsNoticed) {
  ServedTest served({}, 1, made());
  char byte = 0;
  auto whole = client(served);
  EXPECT_EQ(whole.get("/close").body, "bye");
  auto again = client(served);
  again.send(again.format("GET", "/close"));
  EXPECT_EQ(again.receive().body, "bye");
  EXPECT_EQ(again.tls()->receive(&byte, 1), 0u) << "told that nothing follows";
  auto cut = client(served);
  cut.send(cut.format("GET", "/throw"));
  EXPECT_THROW(cut.tls()->receive(&byte, 1), TlsFailed);
}

TEST_F(Tls, AnswersAClientThatSendsNothingMore) {
  ServedTest served({}, 1, made());
  auto connected = client(served);
  connected.send(connected.format("GET", "/last"));
  connected.tls()->end_sending();
  EXPECT_EQ(connected.receive().header("X-Path"), "/last");
}

TEST_F(Tls, RecordsWithoutDataDoNotKeepTheThread) {
  ServedTest served({}, 1, made());
  auto flooding = client(served);
  EXPECT_EQ(flooding.get("/").status, 200);
  std::thread flood([&] {
    try {
      while (true) flooding.tls()->update_key();
    } catch (const TlsFailed&) {
      // Closed, or the server has ended.
    }
  });
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client(served).get("/").status, 200);
  served.server.drain();
  flood.join();
}

TEST_F(Tls, DrainingEndsHandshakesAndIdleConnections) {
  ServedTest served({}, 1, made());
  RawClient silent(served.port);
  auto idle = client(served);
  EXPECT_EQ(idle.get("/").status, 200);
  const auto began = std::chrono::steady_clock::now();
  served.server.drain();
  EXPECT_LT(std::chrono::steady_clock::now() - began, served.server.threads()[0]->limits().drain_timeout);
  char byte = 0;
  EXPECT_EQ(idle.tls()->receive(&byte, 1), 0u) << "told that nothing follows";
  EXPECT_TRUE(silent.is_closed_silently());
}

TEST_F(Tls, ServesManyWhileTheCertificateIsReplaced) {
  const auto certificate = made();
  ServedTest served({}, 2, certificate);
  std::atomic<bool> done{false};
  std::thread replacing([&] {
    while (!done) certificate->replace(texts(ca_.issue()));
  });
  for (int i = 0; i < 30; ++i) EXPECT_EQ(client(served).get("/").status, 200);
  done = true;
  replacing.join();
}

}  // namespace revoked::net::tls_test
