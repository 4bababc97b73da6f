#pragma once
// A server on loopback within the target, a client for it, and a parser of its answers.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "cache/feed/feed.hpp"
#include "net/api/engine_durability.hpp"
#include "net/api/engine_service.hpp"
#include "net/dialects/dialects.hpp"
#include "net/http/server.hpp"
#include "tests/engine/fake_store.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace revoked::fuzz {

// Sends everything, closes its side, and reads until the server closes.
inline std::string exchange(std::uint16_t port, std::string_view bytes) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(socket >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  // From another loopback address each time: a thousand connections a second would use up the ports of one.
  static std::uint32_t count = static_cast<std::uint32_t>(::getpid()) << 8;
  address.sin_addr.s_addr = htonl(0x7f000002 + ++count % 0xfffff0);
  REQUIRE(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 || errno == EINTR);
  std::string answers;
  bool ends = false;
  while (true) {
    pollfd ready{socket, static_cast<short>(POLLIN | (ends ? 0 : POLLOUT)), 0};
    const int polled = ::poll(&ready, 1, 20'000);
    if (polled < 0 && errno == EINTR) continue;  // libFuzzer's timer
    REQUIRE(polled == 1);                        // else the server does not respond
    if (ready.revents & POLLIN) {
      char buffer[16384];
      const auto size = ::recv(socket, buffer, sizeof buffer, 0);
      if (size <= 0) break;
      answers.append(buffer, static_cast<std::size_t>(size));
    } else if (ready.revents & POLLOUT) {
      const auto size = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (size > 0) bytes.remove_prefix(static_cast<std::size_t>(size));
      ends = bytes.empty() || size < 0;
      if (ends) ::shutdown(socket, SHUT_WR);
    } else {
      break;
    }
  }
  ::close(socket);
  return answers;
}

struct Answer {
  unsigned status = 0;
  std::string headers;
  std::string body;

  std::string header(std::string_view name) const {
    const auto at = headers.find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos) return {};
    const auto begin = at + name.size() + 4;
    return headers.substr(begin, headers.find("\r\n", begin) - begin);
  }
};

// Removes the first final answer from `answers` and returns it. Nothing if none is complete.
inline std::optional<Answer> take_answer(std::string_view& answers, bool is_head = false) {
  Answer answer;
  do {
    const auto end = answers.find("\r\n\r\n");
    if (end == answers.npos) return {};
    answer.headers = answers.substr(0, end + 2);
    answers.remove_prefix(end + 4);
    REQUIRE(answer.headers.starts_with("HTTP/1.1 ") && answer.headers.size() > 13);
    answer.status = static_cast<unsigned>(std::stoul(answer.headers.substr(9, 3)));
  } while (answer.status < 200);
  const auto length = answer.header("Content-Length");
  if (length.empty() || is_head) return answer;
  const auto size = std::stoul(length);
  if (size > answers.size()) return {};
  answer.body = answers.substr(0, size);
  answers.remove_prefix(size);
  return answer;
}

inline net::Server::Options loopback() {
  net::Server::Options options;
  options.listen = {boost::asio::ip::address_v4::loopback(), 0};
  // Timeouts expire only on an error.
  options.limits.idle_timeout = options.limits.body_timeout = std::chrono::seconds(10);
  options.limits.linger_timeout = std::chrono::milliseconds(100);
  return options;
}

// An engine over a store in memory, new for each input.
class ServedEngine {
 public:
  static constexpr const char* master_key = "the master key of the targets";

  ServedEngine() : engine_({}, [] {}) {
    server_ = std::make_unique<net::Server>(loopback(), service_, &durability_);
    REQUIRE(bool(engine_.start(std::make_unique<engine::test::FakeStore>(disk_), feed_, [](const auto&) {})));
  }
  ~ServedEngine() {
    server_->drain();
    engine_.stop();
    server_.reset();
  }

  engine::Engine& engine() { return engine_; }
  std::string exchange(std::string_view bytes) { return fuzz::exchange(server_->port(), bytes); }
  // Sends one request and returns its answer.
  Answer ask(std::string_view method, std::string_view target, std::string_view body = {},
             std::string_view credential = master_key, std::string_view more_headers = {}) {
    const auto answers = exchange(request(method, target, body, credential, more_headers));
    std::string_view rest = answers;
    const auto answer = take_answer(rest, method == "HEAD");
    REQUIRE(answer.has_value());
    return *answer;
  }
  static std::string request(std::string_view method, std::string_view target, std::string_view body,
                             std::string_view credential, std::string_view more_headers = {}) {
    std::string text(method);
    text.append(" ")
        .append(target)
        .append(" HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ")
        .append(credential);
    text.append("\r\nContent-Length: ")
        .append(std::to_string(body.size()))
        .append("\r\n")
        .append(more_headers);
    return text.append("\r\n").append(body);
  }
  void sync() {
    while (engine_.durable() < engine_.applied()) std::this_thread::yield();
  }

 private:
  std::shared_ptr<engine::test::FakeDisk> disk_ = std::make_shared<engine::test::FakeDisk>();
  engine::Engine engine_;
  cache::Feed feed_;
  net::Authenticator authenticator_{engine_, {master_key}};
  std::atomic<bool> draining_{false};
  net::EngineService service_{net::Api{engine_, feed_, authenticator_, {}, draining_}, net::all_dialects};
  net::EngineDurability durability_{engine_};
  std::unique_ptr<net::Server> server_;
};

}  // namespace revoked::fuzz
