// Generates large data sets: keys to import and revocations of them, as NDJSON, to standard output or
// directly to an engine. Key number n always has the same id, secret and owners, so that several runs and
// later checks agree. Prints one line of JSON: lines sent, rate, the engine's response.

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>

#include "engine/base/digest.hpp"
#include "tools/programs/program.hpp"

namespace {

using namespace revoked;
using tools::ConfigurationError;

struct Configuration {
  std::uint64_t count = 1'000'000;
  std::uint64_t first = 0;
  std::uint64_t step = 1;
  std::uint64_t users = 1'000'000;
  std::uint64_t applications = 10'000;
  std::uint64_t workspaces = 500;
  std::string ids = "uuid";
  std::string reason;
  std::string query;
  std::string engine;
  std::string key_file;
  std::string file;
};

// SplitMix64's finaliser (public domain): a bijection, gives unordered unique ids.
std::uint64_t scatter(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

void append_hex(std::string& out, std::uint64_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
    out.push_back("0123456789abcdef"[value >> shift & 15]);
}

void append_key_id(std::string& out, std::uint64_t number, const std::string& kind) {
  if (kind == "short") {
    out.append("bk").append(std::to_string(number));
    return;
  }
  const auto high = scatter(2 * number);
  const auto low = scatter(2 * number + 1);
  append_hex(out, high >> 32, 8);
  out.push_back('-');
  append_hex(out, high >> 16 & 0xffff, 4);
  out.append("-4");
  append_hex(out, high & 0xfff, 3);
  out.append("-8");
  append_hex(out, low >> 48 & 0xfff, 3);
  out.push_back('-');
  append_hex(out, low & 0xffffffffffffULL, 12);
}

void append_digest(std::string& out, std::uint64_t number) {
  for (const auto byte : engine::sha256("fill-secret-" + std::to_string(number))) append_hex(out, byte, 2);
}

void append_key(std::string& out, std::uint64_t number, const Configuration& set) {
  out.append(R"({"key_id":")");
  append_key_id(out, number, set.ids);
  out.append(R"(","secret_sha256":")");
  append_digest(out, number);
  if (set.users != 0) out.append(R"(","user":"u)").append(std::to_string(number % set.users));
  if (set.applications != 0)
    out.append(R"(","application":"a)").append(std::to_string(number % set.applications));
  if (set.workspaces != 0) out.append(R"(","workspace":"w)").append(std::to_string(number % set.workspaces));
  out.append("\"}\n");
}

void append_revocation(std::string& out, std::uint64_t number, const Configuration& set) {
  out.append(R"({"key_id":")");
  append_key_id(out, number, set.ids);
  if (!set.reason.empty()) out.append(R"(","reason":")").append(set.reason);
  out.append("\"}\n");
}

void append_digest_line(std::string& out, std::uint64_t number, const Configuration&) {
  append_digest(out, number);
  out.push_back('\n');
}

using AppendLine = void (*)(std::string&, std::uint64_t, const Configuration&);
using Sink = std::function<void(std::string_view)>;

// In chunks of about 256 KiB.
void make_lines(const Configuration& set, AppendLine append_line, const Sink& sink) {
  constexpr std::size_t piece_bytes = 256 << 10;
  std::string piece;
  for (std::uint64_t i = 0; i < set.count; ++i) {
    append_line(piece, set.first + i * set.step, set);
    if (piece.size() < piece_bytes && i + 1 != set.count) continue;
    sink(piece);
    piece.clear();
  }
}

std::uint64_t read_lines(const std::string& path, const Sink& sink) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) throw ConfigurationError("cannot read " + path);
  std::string piece(256 << 10, '\0');
  std::uint64_t lines = 0;
  while (const auto size = std::fread(piece.data(), 1, piece.size(), file.get())) {
    const auto read = std::string_view(piece).substr(0, size);
    lines += static_cast<std::uint64_t>(std::count(read.begin(), read.end(), '\n'));
    sink(read);
  }
  return lines;
}

class Post {
 public:
  Post(const Configuration& to, const std::string& path) {
    const auto scheme = to.engine.find("://");
    const auto authority = scheme == std::string::npos ? to.engine : to.engine.substr(scheme + 3);
    const auto colon = authority.rfind(':');
    if (colon == std::string::npos) throw ConfigurationError("--engine: must be http://HOST:PORT");
    connect(authority.substr(0, colon), authority.substr(colon + 1));
    const auto key = tools::read_keys(to.key_file);
    if (key.empty()) throw ConfigurationError("--key-file: " + to.key_file + " contains no key");
    send("POST " + path + (to.query.empty() ? "" : "?" + to.query) + " HTTP/1.1\r\nHost: " + authority +
         "\r\nAuthorization: Bearer " + key.front() +
         "\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
  }
  ~Post() { ::close(socket_); }
  Post(const Post&) = delete;
  Post& operator=(const Post&) = delete;

  void send_piece(std::string_view piece) {
    char head[24];
    const int size = std::snprintf(head, sizeof head, "%zx\r\n", piece.size());
    send({head, static_cast<std::size_t>(size)});
    send(piece);
    send("\r\n");
  }

  // The body of the response. Throws unless it is a 200.
  std::string finish() {
    send("0\r\n\r\n");
    std::string answer;
    char buffer[16384];
    for (ssize_t got; (got = ::recv(socket_, buffer, sizeof buffer, 0)) > 0;)
      answer.append(buffer, static_cast<std::size_t>(got));
    const auto body = answer.find("\r\n\r\n");
    if (!answer.starts_with("HTTP/1.1 200 ") || body == std::string::npos)
      throw std::runtime_error("the engine answered: " + answer);
    return answer.substr(body + 4);
  }

 private:
  void connect(const std::string& host, const std::string& port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0)
      throw ConfigurationError("--engine: no such host");
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, ::freeaddrinfo);
    socket_ = ::socket(found->ai_family, found->ai_socktype, 0);
    if (::connect(socket_, found->ai_addr, found->ai_addrlen) != 0)
      throw std::runtime_error("cannot connect to " + host + ":" + port);
  }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) throw std::runtime_error("the engine closed the connection");
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  int socket_ = -1;
};

// To standard output without --engine.
int run(const Configuration& set, AppendLine append_line, const std::string& path) {
  std::uint64_t lines = set.count;
  const auto produce = [&](const Sink& sink) {
    if (set.file.empty())
      make_lines(set, append_line, sink);
    else
      lines = read_lines(set.file, sink);
  };
  if (set.engine.empty()) {
    produce([](std::string_view piece) { std::fwrite(piece.data(), 1, piece.size(), stdout); });
    return std::fflush(stdout) == 0 && std::ferror(stdout) == 0 ? 0 : 1;
  }
  Post post(set, path);
  const auto started = std::chrono::steady_clock::now();
  produce([&](std::string_view piece) { post.send_piece(piece); });
  const auto answer = post.finish();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
  std::printf(R"({"lines":%llu,"seconds":%.3f,"per_second":%.0f,"answer":%s})"
              "\n",
              static_cast<unsigned long long>(lines), taken.count(),
              static_cast<double>(lines) / taken.count(), answer.c_str());
  return 0;
}

CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& help, Configuration& set) {
  auto* const command = app.add_subcommand(name, help);
  command->add_option("--count", set.count, "Number of lines")->capture_default_str();
  command->add_option("--first", set.first, "Number of the first key")->capture_default_str();
  command->add_option("--step", set.step, "Difference between consecutive numbers")->capture_default_str();
  command->add_option("--ids", set.ids, "uuid (unordered) or short (bk<number>)")
      ->capture_default_str()
      ->check(CLI::IsMember({"uuid", "short"}));
  return command;
}

void add_sending(CLI::App& command, Configuration& set) {
  command.add_option("--file", set.file, "Send the lines of this file instead of generated ones");
  command.add_option("--engine", set.engine, "http://HOST:PORT to send to; none: standard output");
  command.add_option("--key-file", set.key_file, "File with a master key, or a key with the permission");
  command.add_option("--query", set.query, "Query of the request, such as dry_run=true");
}

}  // namespace

int main(int argc, char** argv) {
  return tools::run_program("revoked-fill", [&] {
    Configuration set;
    CLI::App app("Generates keys and their revocations.", "revoked-fill");
    app.require_subcommand(1);
    auto* const keys = add_command(app, "keys", "Keys to import: POST /v1/keys/import", set);
    keys->add_option("--users", set.users, "Number of users, assigned in turn; 0: none")
        ->capture_default_str();
    keys->add_option("--applications", set.applications, "The same for applications")->capture_default_str();
    keys->add_option("--workspaces", set.workspaces, "The same for workspaces")->capture_default_str();
    add_sending(*keys, set);
    auto* const revocations = add_command(app, "revocations", "Their revocations: POST /v1/revocations", set);
    revocations->add_option("--reason", set.reason, "Reason of each, plain text");
    add_sending(*revocations, set);
    add_command(app, "digests", "The digests of their secrets, one a line", set);
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return error.get_exit_code() == 0 ? app.exit(error) : (app.exit(error), 2);
    }
    if (!set.engine.empty() && set.key_file.empty()) throw ConfigurationError("--key-file is missing");
    if (keys->parsed()) return run(set, append_key, "/v1/keys/import");
    if (revocations->parsed()) return run(set, append_revocation, "/v1/revocations");
    return run(set, append_digest_line, {});
  });
}
