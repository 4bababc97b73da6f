#pragma once
// The programs under test, started as a user would start them, each with its own directory and port, and the
// requests that most tests send.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/position.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/process.hpp"
#include "tests/support/reserved_port.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::test {

std::filesystem::path program(std::string_view name);  // build/<preset>/bin/<name>
std::filesystem::path source_directory();              // of the repository

// What programs serve with unless a test says otherwise: null, or one for all if REVOKED_TEST_TLS is set.
const CertificateFiles* everywhere_tls();
// The peer of a client of such a program, which shows the certificate of `tls`.
TlsPeer peer_of(const CertificateFiles& tls);

class EngineProcess {
 public:
  struct Options {
    std::string redis_url{};  // empty: no Redis
    std::vector<std::string> arguments{};
    std::optional<std::uint64_t> file_size_limit_bytes{};
    std::filesystem::path master_key_file{};  // empty: the engine creates one
    std::vector<std::string> under{};         // a command that runs it as the same process: see strace.hpp
    std::string host = "127.0.0.1";           // what it listens on
    std::string advertised_host{};            // where other hosts reach it (--advertise); empty: nowhere
    const CertificateFiles* tls = everywhere_tls();  // null: HTTP
  };

  explicit EngineProcess(Options options);  // starts
  EngineProcess() : EngineProcess(Options{}) {}

  void start();  // on the same data and port; returns after the ready line
  void kill();   // SIGKILL: for the process the same as power loss
  int stop();    // SIGTERM; the exit code
  Process& process() { return *process_; }
  Options& options() { return options_; }  // of the next start

  std::uint16_t port() const { return port_.number(); }
  std::string url() const;
  const CertificateFiles* tls() const { return options_.tls; }
  std::filesystem::path data_directory() const { return directory_ / "data"; }
  std::filesystem::path master_key_file() const {
    return options_.master_key_file.empty() ? data_directory() / "master.key" : options_.master_key_file;
  }
  std::string master_key() const;
  std::string log_text() const { return read_file(directory_ / "engine.log"); }
  HttpClient client(std::chrono::milliseconds timeout = 30s) const;  // with the master key

 private:
  Options options_;
  TemporaryDirectory directory_;
  ReservedPort port_;
  std::optional<Process> process_;
};

class GatewayProcess {
 public:
  struct Options {
    std::string engine_url{};  // empty: that of `engine`
    std::string redis_url{};   // empty: follows the engine's feed
    std::vector<std::string> arguments{};
    const CertificateFiles* tls = everywhere_tls();
  };

  GatewayProcess(const EngineProcess& engine, Options options);  // starts
  explicit GatewayProcess(const EngineProcess& engine) : GatewayProcess(engine, Options{}) {}

  void start();
  void kill();
  int stop();
  Process& process() { return *process_; }
  std::uint16_t port() const { return port_.number(); }
  std::string log_text() const { return read_file(directory_ / "gateway.log"); }
  HttpClient client() const;

 private:
  Options options_;
  TemporaryDirectory directory_;
  ReservedPort port_;
  std::optional<Process> process_;
};

struct CreatedKey {
  std::string key_id;
  std::string secret;
};

using Members = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// POST /v1/keys; throws if the answer is not a 201 with an id and a secret.
CreatedKey create_key(HttpClient& engine, Members members = {});
// Many keys, over one pipelined connection. `members` is the JSON object of each.
std::vector<CreatedKey> create_keys(const EngineProcess& engine, std::size_t count,
                                    const std::string& members = "{}");

HttpResponse revoke(HttpClient& engine, const std::string& key_id);  // DELETE /v1/keys/{id}
HttpResponse revoke_owner(HttpClient& engine, std::string_view scope,
                          std::string_view id);                       // scope: "user", …
std::string state_of(HttpClient& engine, const std::string& key_id);  // of GET /v1/keys/{id}
Json verify(HttpClient& engine, const std::string& secret);           // POST /v1/keys/verify
HttpResponse check(HttpClient& gateway, const std::string& secret);   // GET /check

// The position in the answer to a change, or of a page; {0, 0} if there is none.
engine::Position position_of(const HttpResponse& response);

// Whether a process listens on the port.
bool accepts_connections(std::uint16_t port);

}  // namespace revoked::test
