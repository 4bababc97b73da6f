#include "cache/wire/tls_codec.hpp"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <utility>

#include "tests/support/certificates.hpp"

namespace revoked::cache::tls_codec_test {

using test::CertificateFiles;

// The other side: OpenSSL's own server, also without a socket.
class Server {
 public:
  explicit Server(const CertificateFiles::Pair& own, int version = 0)
      : context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_use_certificate_chain_file(context_.get(), own.certificate_file.c_str());
    SSL_CTX_use_PrivateKey_file(context_.get(), own.key_file.c_str(), SSL_FILETYPE_PEM);
    if (version != 0) SSL_CTX_set_max_proto_version(context_.get(), version);
    connection_.reset(SSL_new(context_.get()));
    SSL_set_accept_state(connection_.get());
    SSL_set_bio(connection_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  }
  // Takes bytes of the client, keeps what it said, and answers.
  std::string receive(std::string_view bytes) {
    BIO_write(SSL_get_rbio(connection_.get()), bytes.data(), static_cast<int>(bytes.size()));
    SSL_do_handshake(connection_.get());
    char text[4096];
    for (int size; (size = SSL_read(connection_.get(), text, sizeof text)) > 0;)
      heard.append(text, static_cast<std::size_t>(size));
    return output();
  }
  std::string say(std::string_view text) {
    SSL_write(connection_.get(), text.data(), static_cast<int>(text.size()));
    return output();
  }
  std::string say_goodbye() {
    SSL_shutdown(connection_.get());
    return output();
  }

  std::string heard;

 private:
  std::string output() {
    auto* const out = SSL_get_wbio(connection_.get());
    std::string bytes(BIO_ctrl_pending(out), '\0');
    if (!bytes.empty()) BIO_read(out, bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }

  std::unique_ptr<ssl_ctx_st, TlsDeleter> context_;
  TlsConnection connection_;
};

class TlsCodecTest : public testing::TestWithParam<int> {  // the version of TLS
 protected:
  // Everything that waits for the server, which gets it in pieces, as does the client what it answers.
  // Whether the client is satisfied.
  bool exchange(TlsCodec& client, Server& server, std::size_t piece) {
    while (!client.output().empty()) {
      auto bytes = std::exchange(client.output(), {});
      for (std::size_t at = 0; at < bytes.size(); at += piece) {
        if (!deliver(client, server.receive(std::string_view(bytes).substr(at, piece)), piece)) return false;
      }
    }
    return true;
  }
  bool deliver(TlsCodec& client, std::string_view bytes, std::size_t piece) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
      if (!client.receive(bytes.substr(0, piece), said_)) return false;
    }
    return true;
  }

  CertificateFiles certificates_;
  CertificateFiles::Pair own_ = certificates_.issue("server", "DNS:server.example");
  TlsClient trusting_{{.ca_file = certificates_.ca(), .certificate_file = {}, .key_file = {}}};
  std::string said_;  // by the server
};
INSTANTIATE_TEST_SUITE_P(, TlsCodecTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

TEST_P(TlsCodecTest, CarriesTextBothWaysHoweverTheBytesAreCut) {
  for (const std::size_t piece : {1, 7, 100'000}) {
    Server server(own_, GetParam());
    TlsCodec client(trusting_.connection_to("server.example"));
    EXPECT_FALSE(client.is_established());
    ASSERT_TRUE(exchange(client, server, piece)) << client.failure();
    ASSERT_TRUE(client.is_established());
    said_.clear();

    const std::string text(40'000, 'x');  // of several records
    ASSERT_TRUE(client.send(text));
    EXPECT_EQ(client.output().find("xxxx"), std::string::npos);
    ASSERT_TRUE(exchange(client, server, piece));
    EXPECT_TRUE(server.heard == text);
    ASSERT_TRUE(deliver(client, server.say("hello"), piece));
    ASSERT_TRUE(deliver(client, server.say(text), piece));
    EXPECT_TRUE(said_ == "hello" + text);

    EXPECT_FALSE(deliver(client, server.say_goodbye(), piece));
    EXPECT_EQ(client.failure(), "closed by the peer");
    EXPECT_FALSE(client.is_established());
  }
}

TEST_P(TlsCodecTest, EndsWithAnAlertWhenTheCertificateIsForAnotherName) {
  Server server(own_, GetParam());
  TlsCodec client(trusting_.connection_to("other.example"));
  EXPECT_FALSE(exchange(client, server, 100'000));
  EXPECT_EQ(client.failure(), "TLS: the peer's certificate: hostname mismatch");
  EXPECT_FALSE(client.is_established());
  EXPECT_FALSE(client.output().empty());
}

TEST_P(TlsCodecTest, EndsAtBytesThatAreNotTls) {
  TlsCodec client(trusting_.connection_to("server.example"));
  EXPECT_FALSE(client.receive("-ERR unknown command\r\n", said_));
  EXPECT_TRUE(client.failure().starts_with("TLS: ")) << client.failure();
  EXPECT_EQ(said_, "");
}

}  // namespace revoked::cache::tls_codec_test
