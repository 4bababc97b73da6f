// More connections than the process may have descriptors: files have priority.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "tests/support/loopback.hpp"
#include "tests/support/revocation_load.hpp"

namespace revoked::test::descriptors_systest {

// Connections without a request.
class Silent {
 public:
  Silent(std::uint16_t port, std::size_t count) {
    auto address = loopback(port);
    for (std::size_t i = 0; i < count; ++i) {
      sockets_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (::connect(sockets_.back(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error("cannot connect");
    }
  }
  ~Silent() {
    for (const int socket : sockets_) ::close(socket);
  }
  Silent(const Silent&) = delete;
  Silent& operator=(const Silent&) = delete;

 private:
  std::vector<int> sockets_;
};

bool is_alive(std::uint16_t port) {
  return eventually([&] {
    try {
      return HttpClient(port).get("/livez").status == 200;
    } catch (const ConnectionFailed&) {
      return false;
    }
  });
}

std::string import_lines(int from, int to) {
  std::string lines;
  for (int i = from; i < to; ++i) {
    const auto number = std::to_string(i);
    lines += R"({"key_id":"k)" + number + R"(","secret":"the-secret-of-number-)" + number + "\"}\n";
  }
  return lines;
}

// A program with these soft and hard limits of descriptors.
class Limited {
 public:
  Limited(std::vector<std::string> command, const std::string& limits)
      : process_({.command =
                      [&] {
                        command.insert(command.begin(), {"prlimit", "--nofile=" + limits});
                        return std::move(command);
                      }(),
                  .log = directory_ / "log",
                  .directory = directory_.path()}) {
    const auto line = process_.wait_for_line("revoked", std::chrono::seconds(60));
    if (!line) throw std::runtime_error("not ready: " + process_.description());
    port_ = static_cast<std::uint16_t>(std::stoul(line->substr(line->rfind(':') + 1)));
  }
  Process& process() { return process_; }
  std::uint16_t port() const { return port_; }
  std::filesystem::path directory() const { return directory_.path(); }

 private:
  TemporaryDirectory directory_;
  Process process_;
  std::uint16_t port_ = 0;
};

std::vector<std::string> engine_with(const std::string& threads) {
  return {program("revoked"), "--listen", "127.0.0.1:0", "--data-dir", "data", "--threads", threads};
}

TEST(Descriptors, ThatConnectionsTakeAreNotMissingForFiles) {
  Limited engine(engine_with("2"), "1024:1024");
  const Silent silent(engine.port(), 1'200);
  ASSERT_TRUE(is_alive(engine.port())) << engine.process().description();
  HttpClient admin(engine.port(), std::chrono::seconds(120));
  auto key = read_file(engine.directory() / "data" / "master.key");
  key.erase(key.find('\n'));
  admin.add_header("Authorization", "Bearer " + key);
  // Enough keys for new files of the store and of its log, unless that would take minutes.
  const int keys = programs_are_sanitized() ? 30'000 : 600'000;
  for (int from = 0; from < keys; from += keys / 6) {
    const auto answer = admin.request("POST", "/v1/keys/import", {}, import_lines(from, from + keys / 6));
    ASSERT_EQ(answer.status, 200) << answer.body;
  }
  for (int i = 0; i < keys; i += keys / 60) {
    ASSERT_EQ(revoke(admin, "k" + std::to_string(i)).status, 200);
    ASSERT_EQ(state_of(admin, "k" + std::to_string(i + 1)), "active");
  }
  engine.process().signal(SIGTERM);
  EXPECT_EQ(engine.process().wait(std::chrono::seconds(60)), 0) << engine.process().description();
}

TEST(Descriptors, AreAsManyAsTheSystemAllows) {
  Limited engine(engine_with("1"), "64:4096");
  std::vector<HttpClient> clients;
  for (int i = 0; i < 500; ++i) {
    clients.emplace_back(engine.port());
    ASSERT_EQ(clients.back().get("/livez").status, 200) << i;
  }
  for (auto& client : clients) ASSERT_EQ(client.get("/livez").status, 200) << "all stay connected";
}

TEST(Descriptors, OfAGatewayAreLeftForItsEngine) {
  EngineProcess engine;
  Limited gateway({program("revoked-gateway"), "--listen", "127.0.0.1:0", "--engine", engine.url(),
                   "--engine-key-file", engine.master_key_file(), "--threads", "1"},
                  "256:256");
  auto admin = engine.client();
  const auto key = create_key(admin);
  const Silent silent(gateway.port(), 400);
  ASSERT_TRUE(is_alive(gateway.port())) << gateway.process().description();
  HttpClient client(gateway.port());
  EXPECT_EQ(check(client, key.secret).status, 200);
}

TEST(Descriptors, ThatAreTooFewForAStoreAreRefused) {
  try {
    Limited engine(engine_with("1"), "300:300");
    ADD_FAILURE() << "it serves";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("the limit of open files is 300"), std::string::npos)
        << error.what();
  }
}

}  // namespace revoked::test::descriptors_systest
