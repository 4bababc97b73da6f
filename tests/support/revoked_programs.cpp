#include "tests/support/revoked_programs.hpp"

#include <signal.h>

#include <algorithm>

namespace revoked::test {
namespace {

constexpr auto start_limit = 120s;
constexpr auto stop_limit = 60s;

std::string scheme_of(const CertificateFiles* tls) { return tls == nullptr ? "http://" : "https://"; }

// Starts the program and waits for "<name> is ready on http://HOST:PORT", or https.
void start_program(std::optional<Process>& process, Process::Options options, const std::string& name,
                   const std::string& address, const CertificateFiles* tls) {
  if (tls != nullptr)
    options.command.insert(options.command.end(),
                           {"--tls-cert", tls->certificate(), "--tls-key", tls->key()});
  process.reset();
  process.emplace(std::move(options));
  const std::string expected = name + " is ready on " + scheme_of(tls) + address;
  const auto line = process->wait_for_line(name + " is ready on ", start_limit);
  if (line != expected) {
    process->wait(100ms);
    throw std::runtime_error("expected '" + expected + "', got '" + line.value_or("(nothing)") + "'\n" +
                             process->description());
  }
}

HttpClient client_of(std::uint16_t port, const CertificateFiles* tls,
                     std::chrono::milliseconds timeout = 30s) {
  HttpClient client(port, timeout);
  if (tls != nullptr) client.use_tls(peer_of(*tls));
  return client;
}

void kill_program(std::optional<Process>& process) {
  process->signal(SIGKILL);
  process->wait(stop_limit);
}

int stop_program(std::optional<Process>& process) {
  process->signal(SIGTERM);
  const auto code = process->wait(stop_limit);
  if (!code) throw std::runtime_error("does not stop after SIGTERM: " + process->description());
  return *code;
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

CreatedKey created(const HttpResponse& response) {
  const Json json = response.json();
  CreatedKey key{json["key_id"].text(), json["secret"].text()};
  if (response.status != 201 || key.key_id.empty() || key.secret.empty()) {
    throw std::runtime_error("a key was not created: " + std::to_string(response.status) + " " +
                             response.body);
  }
  return key;
}

}  // namespace

std::filesystem::path program(std::string_view name) {
  const char* const chosen = std::getenv("REVOKED_TEST_BIN_DIR");  // set by tools/test: sanitized programs
  return std::filesystem::path(chosen != nullptr ? chosen : REVOKED_BIN_DIR) / name;
}

std::filesystem::path source_directory() { return REVOKED_SOURCE_DIR; }

const CertificateFiles* everywhere_tls() {
  static const auto files =
      std::getenv("REVOKED_TEST_TLS") != nullptr ? std::make_unique<CertificateFiles>() : nullptr;
  return files.get();
}

TlsPeer peer_of(const CertificateFiles& tls) {
  return {
      .ca = read_file(tls.ca()), .certificate = read_file(tls.certificate()), .key = read_file(tls.key())};
}

EngineProcess::EngineProcess(Options options) : options_(std::move(options)) { start(); }

void EngineProcess::start() {
  const auto address = options_.host + ":" + std::to_string(port());
  std::vector<std::string> command = options_.under;
  command.insert(command.end(), {program("revoked"), "--listen", address, "--data-dir", data_directory()});
  if (!options_.redis_url.empty()) command.insert(command.end(), {"--redis", options_.redis_url});
  if (!options_.master_key_file.empty())
    command.insert(command.end(), {"--master-key-file", options_.master_key_file});
  if (!options_.advertised_host.empty()) command.insert(command.end(), {"--advertise", url()});
  command.insert(command.end(), options_.arguments.begin(), options_.arguments.end());
  start_program(process_,
                {.command = std::move(command),
                 .log = directory_ / "engine.log",
                 .directory = directory_.path(),
                 .file_size_limit_bytes = options_.file_size_limit_bytes},
                "revoked", address, options_.tls);
}

std::string EngineProcess::url() const {
  const auto& host = options_.advertised_host;
  return scheme_of(options_.tls) + (host.empty() ? "127.0.0.1" : host) + ":" + std::to_string(port());
}

void EngineProcess::kill() { kill_program(process_); }
int EngineProcess::stop() { return stop_program(process_); }

std::string EngineProcess::master_key() const { return trimmed(read_file(master_key_file())); }

HttpClient EngineProcess::client(std::chrono::milliseconds timeout) const {
  auto out = client_of(port(), options_.tls, timeout);
  out.add_header("Authorization", "Bearer " + master_key());
  return out;
}

GatewayProcess::GatewayProcess(const EngineProcess& engine, Options options) : options_(std::move(options)) {
  if (options_.engine_url.empty()) options_.engine_url = engine.url();
  options_.arguments.insert(options_.arguments.end(), {"--engine-key-file", engine.master_key_file()});
  const bool has_ca = std::ranges::find(options_.arguments, "--engine-ca-file") != options_.arguments.end();
  if (options_.engine_url.starts_with("https://") && engine.tls() != nullptr && !has_ca)
    options_.arguments.insert(options_.arguments.end(), {"--engine-ca-file", engine.tls()->ca()});
  start();
}

void GatewayProcess::start() {
  const auto address = "127.0.0.1:" + std::to_string(port());
  std::vector<std::string> command{program("revoked-gateway"), "--listen", address, "--engine",
                                   options_.engine_url};
  if (!options_.redis_url.empty()) command.insert(command.end(), {"--redis", options_.redis_url});
  command.insert(command.end(), options_.arguments.begin(), options_.arguments.end());
  start_program(
      process_,
      {.command = std::move(command), .log = directory_ / "gateway.log", .directory = directory_.path()},
      "revoked-gateway", address, options_.tls);
}

HttpClient GatewayProcess::client() const { return client_of(port(), options_.tls); }

void GatewayProcess::kill() { kill_program(process_); }
int GatewayProcess::stop() { return stop_program(process_); }

CreatedKey create_key(HttpClient& engine, Members members) {
  return created(engine.request("POST", "/v1/keys", {}, json_object(members)));
}

std::vector<CreatedKey> create_keys(const EngineProcess& engine, std::size_t count,
                                    const std::string& members) {
  HttpClient client = engine.client();
  const std::vector<std::string> requests(count, client.format("POST", "/v1/keys", {}, members));
  std::vector<CreatedKey> out;
  out.reserve(count);
  exchange(client, requests,
           [&](std::size_t, const HttpResponse& response) { out.push_back(created(response)); });
  return out;
}

HttpResponse revoke(HttpClient& engine, const std::string& key_id) {
  return engine.request("DELETE", "/v1/keys/" + key_id);
}

HttpResponse revoke_owner(HttpClient& engine, std::string_view scope, std::string_view id) {
  return engine.request("DELETE", "/v1/" + std::string(scope) + "s/" + std::string(id) + "/keys");
}

std::string state_of(HttpClient& engine, const std::string& key_id) {
  const HttpResponse response = engine.get("/v1/keys/" + key_id);
  return response.status == 200 ? response.json()["state"].text() : std::to_string(response.status);
}

Json verify(HttpClient& engine, const std::string& secret) {
  return engine.request("POST", "/v1/keys/verify", {}, json_object({{"secret", secret}})).json();
}

HttpResponse check(HttpClient& gateway, const std::string& secret) {
  return gateway.get("/check", {{"Authorization", "Bearer " + secret}});
}

engine::Position position_of(const HttpResponse& response) {
  std::string text = response.json()["position"].text();
  if (text.empty()) text = response.header("Revocation-Position");
  return engine::parse_position(text).value_or(engine::Position{});
}

bool accepts_connections(std::uint16_t port) {
  try {
    HttpClient(port).send("");
  } catch (const ConnectionFailed&) {
    return false;
  }
  return true;
}

}  // namespace revoked::test
