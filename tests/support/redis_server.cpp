#include "tests/support/redis_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "tests/support/loopback.hpp"
#include "tests/support/process.hpp"

namespace revoked::test {
namespace {

using namespace std::chrono_literals;

constexpr auto start_timeout = 10s;
constexpr int attempts = 5;  // another process may take the port between the check and the bind of the server

std::uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

std::string find_program() {
  std::string path = std::getenv("PATH") ? std::getenv("PATH") : "";
  path += ":/usr/bin:/usr/local/bin";
  for (std::size_t from = 0; from < path.size();) {
    const auto to = std::min(path.find(':', from), path.size());
    const auto program = path.substr(from, to - from) + "/redis-server";
    if (access(program.c_str(), X_OK) == 0) return program;
    from = to + 1;
  }
  throw std::runtime_error("no redis-server in PATH");
}

}  // namespace

RedisServer::RedisServer(std::vector<std::string> options) : options_(std::move(options)) {
  std::string name = std::filesystem::temp_directory_path() / "revoked-redis-XXXXXX";
  if (!mkdtemp(name.data())) throw std::runtime_error("no temporary directory");
  directory_ = name;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    port_ = free_port();
    start();
    if (pid_ > 0) return;
  }
  std::filesystem::remove_all(directory_);
  throw std::runtime_error("redis-server does not start");
}

RedisServer::~RedisServer() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

// pid_ stays -1 if the server ends at once or does not answer.
void RedisServer::start() {
  std::vector<std::string> arguments{find_program(),
                                     "--port",
                                     std::to_string(port_),
                                     "--bind",
                                     "127.0.0.1",
                                     "--save",
                                     "",
                                     "--appendonly",
                                     "no",
                                     "--dir",
                                     directory_,
                                     "--unixsocket",
                                     unix_path(),
                                     "--loglevel",
                                     "warning"};
  arguments.insert(arguments.end(), options_.begin(), options_.end());
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ == 0) {  // only async-signal-safe calls: the test has threads
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    const int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    execv(argv[0], argv.data());
    _exit(127);
  }
  const auto deadline = std::chrono::steady_clock::now() + start_timeout;
  while (std::chrono::steady_clock::now() < deadline) {
    if (waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      return;
    }
    if (answers()) return;
    std::this_thread::sleep_for(5ms);
  }
  kill();
}

bool RedisServer::answers() const {
  const auto answer = command("PING");
  return answer.starts_with("+PONG") || answer.starts_with("-NOAUTH");
}

void RedisServer::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void RedisServer::restart() {
  kill();
  for (int attempt = 0; attempt < attempts && pid_ <= 0; ++attempt) start();
  if (pid_ <= 0) throw std::runtime_error("redis-server does not start again");
}

// Signalling -1 would signal every process.
void RedisServer::pause() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGSTOP);
  await_stop(pid_);
}
void RedisServer::resume() {
  if (pid_ > 0) ::kill(pid_, SIGCONT);
}

std::string RedisServer::command(const std::string& line) const {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval timeout{2, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  const auto address = loopback(port_);
  std::string answer;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    const auto text = line + "\r\n";
    send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    char c = 0;
    while (recv(fd, &c, 1, 0) == 1 && c != '\n')
      if (c != '\r') answer.push_back(c);
  }
  close(fd);
  return answer;
}

}  // namespace revoked::test
