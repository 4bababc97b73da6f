// TLS between clients, gateways and the engine, with the tools that people use.

#include <gtest/gtest.h>

#include "tests/support/revoked_programs.hpp"

namespace revoked::test::tls_systest {

using Arguments = std::vector<std::string>;

std::string output_of(const Arguments& command) {
  const TemporaryDirectory directory;
  Process process({.command = command, .log = directory / "log"});
  auto output = process.read_output(60s);
  process.wait(60s);
  return output + process.log_text();
}

// With its standard input at its end: it ends after the handshakes.
std::string s_client(std::uint16_t port, const Arguments& arguments) {
  Arguments command{"sh",       "-c",       "exec openssl s_client \"$@\" </dev/null",
                    "s_client", "-connect", "127.0.0.1:" + std::to_string(port)};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return output_of(command);
}

bool has(const std::string& text, std::string_view piece) { return text.find(piece) != text.npos; }

class TlsPrograms : public testing::Test {
 protected:
  CertificateFiles files_;
};

TEST_F(TlsPrograms, AGatewayFollowsAndAsksAnEngineThatWantsItsCertificate) {
  EngineProcess engine({.arguments = {"--tls-client-ca", files_.ca()}, .tls = &files_});
  auto admin = engine.client();
  GatewayProcess gateway(engine, {.arguments = {"--engine-cert", files_.certificate(), "--engine-key",
                                                files_.key(), "--name", "over-tls"},
                                  .tls = &files_});
  auto client = gateway.client();
  const auto key = create_key(admin);
  EXPECT_EQ(check(client, key.secret).status, 200) << gateway.log_text();
  EXPECT_EQ(check(client, "rvk_unknown_secret").status, 401);
  const auto position = position_of(revoke(admin, key.key_id));
  EXPECT_TRUE(eventually([&] { return check(client, key.secret).status == 403; }));
  EXPECT_TRUE(eventually([&] {
    const auto gateways = admin.get("/v1/gateways").json()["gateways"];
    return gateways.items().size() == 1 && gateways[0]["position"].text() == to_string(position);
  })) << "the gateway reports: "
      << admin.get("/v1/gateways").body;

  engine.kill();
  engine.start();
  auto again = engine.client();
  const auto other = create_key(again);
  EXPECT_TRUE(eventually([&] { return check(client, other.secret).status == 200; })) << "connects anew";
  EXPECT_EQ(gateway.stop(), 0);
  EXPECT_EQ(engine.stop(), 0);
}

TEST_F(TlsPrograms, AGatewaySaysWhyItDoesNotTrustTheEngine) {
  EngineProcess engine({.tls = &files_});
  const CertificateFiles foreign;
  GatewayProcess gateway(engine,
                         {.engine_url = engine.url(), .arguments = {"--engine-ca-file", foreign.ca()}});
  EXPECT_TRUE(eventually([&] { return has(gateway.log_text(), "the peer's certificate: "); }))
      << gateway.log_text();
  auto admin = engine.client();
  auto client = gateway.client();
  EXPECT_EQ(check(client, create_key(admin).secret).status, 503) << "and allows nothing";
}

TEST_F(TlsPrograms, OpensslSeesWhatIsSpoken) {
  EngineProcess engine({.tls = &files_});
  const auto port = engine.port();
  const auto usual = s_client(port, {"-CAfile", files_.ca(), "-verify_return_error", "-alpn", "http/1.1"});
  EXPECT_TRUE(has(usual, "Verify return code: 0 (ok)")) << usual;
  EXPECT_TRUE(has(usual, "New, TLSv1.3")) << usual;
  EXPECT_TRUE(has(usual, "ALPN protocol: http/1.1")) << usual;
  EXPECT_TRUE(has(usual, "Compression: NONE")) << usual;
  const auto reconnects = s_client(port, {"-tls1_2", "-reconnect"});
  EXPECT_TRUE(has(reconnects, "New, TLSv1.2, Cipher is ECDHE-ECDSA-")) << reconnects;
  EXPECT_TRUE(has(reconnects, "Reused, TLSv1.2")) << reconnects;
  EXPECT_TRUE(has(reconnects, "Secure Renegotiation IS supported")) << reconnects;
  for (const Arguments& refused :
       {Arguments{"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"}, Arguments{"-tls1", "-cipher", "ALL:@SECLEVEL=0"},
        Arguments{"-tls1_2", "-cipher", "AES128-SHA:AES256-GCM-SHA384"}, Arguments{"-alpn", "h2"}}) {
    const auto said = s_client(port, refused);
    EXPECT_TRUE(has(said, "alert")) << said;
    EXPECT_TRUE(has(said, "Cipher is (NONE)")) << said;
  }
  EXPECT_TRUE(eventually([&] { return has(engine.log_text(), "\"a TLS handshake failed\""); }));
}

TEST_F(TlsPrograms, CurlUploadsDownloadsAndShowsACertificate) {
  EngineProcess engine({.arguments = {"--tls-client-ca", files_.ca()}, .tls = &files_});
  const TemporaryDirectory directory;
  std::string lines;
  constexpr int count = 20'000;
  for (int i = 0; i < count; ++i) {
    const auto number = std::to_string(i);
    lines += R"({"key_id":"k)" + number + R"(","secret":"imported-secret-)" + number + "\"}\n";
  }
  write_file(directory / "keys", lines);
  const auto curl = [&](const Arguments& arguments, bool with_certificate = true) {
    Arguments command{"curl",      "-sS", "--cacert",
                      files_.ca(), "-H",  "Authorization: Bearer " + engine.master_key()};
    if (with_certificate)
      command.insert(command.end(), {"--cert", files_.certificate(), "--key", files_.key()});
    command.insert(command.end(), arguments.begin(), arguments.end());
    return output_of(command);
  };
  const auto imported = curl({"-H", "Content-Type: application/x-ndjson", "-H", "Expect:", "-T",
                              directory / "keys", "-X", "POST", engine.url() + "/v1/keys/import"});
  EXPECT_TRUE(has(imported, "\"created\":" + std::to_string(count))) << imported.substr(0, 500);
  const auto chunked = curl({"-H", "Content-Type: application/x-ndjson", "-H", "Transfer-Encoding: chunked",
                             "-T", directory / "keys", "-X", "POST", engine.url() + "/v1/keys/import"});
  EXPECT_TRUE(has(chunked, "{")) << chunked.substr(0, 500);
  const auto backup = curl({"-o", directory / "backup", "-w", "%{http_code}", engine.url() + "/v1/backup"});
  EXPECT_TRUE(has(backup, "200")) << backup;
  const auto refused = curl({engine.url() + "/healthz"}, false);
  EXPECT_TRUE(has(refused, "certificate required") || has(refused, "alert")) << refused;
}

TEST_F(TlsPrograms, FilesThatChangeAreReadAgain) {
  EngineProcess engine({.tls = &files_});
  auto open = engine.client();
  EXPECT_EQ(open.get("/healthz").status, 200);
  const auto subject = [&] { return s_client(engine.port(), {"-CAfile", files_.ca()}); };
  files_.renew({.name = "renewed"});
  EXPECT_TRUE(eventually([&] { return has(subject(), "subject=CN = renewed"); })) << subject();
  write_file(files_.certificate(), "broken");
  EXPECT_TRUE(eventually([&] { return has(engine.log_text(), "cannot use the new TLS certificate"); }));
  EXPECT_TRUE(has(subject(), "subject=CN = renewed"));
  EXPECT_EQ(open.get("/healthz").status, 200) << "the connection from before continues";
  EXPECT_EQ(open.tls()->is_resumed(), false);
  files_.renew({.name = "repaired"});
  EXPECT_TRUE(eventually([&] { return has(subject(), "subject=CN = repaired"); }));
  const auto log = engine.log_text();
  EXPECT_EQ(log.find("cannot use the new"), log.rfind("cannot use the new")) << "one line";
}

TEST_F(TlsPrograms, WrongOptionsAreRefusedByName) {
  const TemporaryDirectory directory;
  const auto said = [&](const char* name, const Arguments& arguments) {
    Arguments command{program(name), "--listen", "127.0.0.1:0"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    Process process({.command = command, .log = directory / "log"});
    EXPECT_EQ(process.wait(60s), 2);
    auto text = process.log_text();
    std::filesystem::remove(directory / "log");
    return text;
  };
  write_file(directory / "credential", "rvk_a_credential_of_a_gateway\n");
  const Arguments gateway{"--engine-key-file", directory / "credential"};
  const auto with = [&](Arguments arguments) {
    arguments.insert(arguments.end(), gateway.begin(), gateway.end());
    return arguments;
  };
  EXPECT_TRUE(has(said("revoked", {"--tls-cert", files_.certificate()}), "--tls-key"));
  EXPECT_TRUE(has(said("revoked", {"--tls-client-ca", files_.ca()}), "--tls-cert"));
  EXPECT_TRUE(has(said("revoked", {"--tls-cert", "/nowhere", "--tls-key", files_.key()}), "/nowhere"));
  EXPECT_TRUE(has(said("revoked", {"--tls-cert", files_.ca(), "--tls-key", files_.key()}), "private key"));
  EXPECT_TRUE(has(said("revoked-gateway", with({"--engine-cert", files_.certificate()})), "--engine-key"));
  EXPECT_TRUE(has(said("revoked-gateway", with({"--engine-ca-file", files_.ca()})), "https://"));
  EXPECT_TRUE(has(said("revoked-gateway", with({"--engine", "https://a", "--engine-ca-file", "/nowhere"})),
                  "/nowhere"));
}

}  // namespace revoked::test::tls_systest
