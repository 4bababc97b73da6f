// Several network threads, many connections, and malicious clients.

#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "tests/net/api/served_engine.hpp"
#include "tests/net/http/head_cases.hpp"

namespace revoked::net::server_threads_test {

using revoked::test::HttpClient;
using test::RawClient;
using test::ServedEngine;

ServedEngine::Options two_threads() {
  ServedEngine::Options options;
  options.threads = 2;
  return options;
}

void use(const ServedEngine& served, int number, int rounds) {
  std::vector<HttpClient> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(served.client());
  for (int round = 0; round < rounds; ++round) {
    auto& client = clients[round % clients.size()];
    const auto id = "k" + std::to_string(number) + "." + std::to_string(round);
    const auto secret = "a-secret-of-" + id;
    const auto verify = R"({"secret":")" + secret + "\"}";
    const auto create = R"({"key_id":")" + id + R"(","user":"u)" + std::to_string(round % 3) +
                        R"(","secret":")" + secret + "\"}";
    // One write, answered with as few waits for the disk as possible.
    client.send(client.format("POST", "/v1/keys", {}, create) + client.format("DELETE", "/v1/keys/" + id) +
                client.format("DELETE", "/v1/keys/" + id) +
                client.format("POST", "/v1/keys/verify", {}, verify));
    ASSERT_EQ(client.receive().status, 201);
    const auto revoked = client.receive();
    ASSERT_EQ(revoked.status, 200);
    ASSERT_FALSE(revoked.header("Revocation-Position").empty());
    ASSERT_EQ(client.receive().status, 200);
    ASSERT_EQ(client.receive().json()["state"].text(), "revoked");
    if (round % 10 != 0) continue;
    ASSERT_EQ(client.request("DELETE", "/v1/users/u1/keys").status, 200);
  }
}

TEST(ServerThreads, ServeManyConnectionsAtOnce) {
  ServedEngine served(two_threads());
  constexpr int rounds = revoked::test::sanitized ? 40 : 200;
  std::vector<std::thread> users;
  for (int number = 0; number < 4; ++number) users.emplace_back([&, number] { use(served, number, rounds); });
  for (auto& user : users) user.join();
  EXPECT_EQ(served.engine().size().keys, 4 * rounds);
}

// Creates keys, one after the other, while `go_on` agrees to the status and until the connection ends.
template <class GoOn>
void create_keys(ServedEngine& served, int user, GoOn go_on) {
  try {
    auto client = served.client();
    for (int round = 0;; ++round) {
      const auto id = "k" + std::to_string(user) + "." + std::to_string(round);
      if (!go_on(client.request("POST", "/v1/keys", {}, R"({"key_id":")" + id + "\"}").status)) return;
    }
  } catch (const revoked::test::ConnectionFailed&) {
  }
}

TEST(ServerThreads, DrainUnderLoad) {
  for (int i = 0; i < 5; ++i) {
    ServedEngine served(two_threads());
    std::atomic<int> answered{0};
    std::vector<std::thread> users;
    for (int number = 0; number < 3; ++number) {
      users.emplace_back([&, number] {
        create_keys(served, number, [&](int status) {
          EXPECT_EQ(status, 201);
          ++answered;
          EXPECT_NE(served.disk().commit_count(), 0);
          return true;
        });
      });
    }
    EXPECT_TRUE(revoked::test::eventually([&] { return answered > 30; }));
    served.server().drain();
    for (auto& user : users) user.join();
    EXPECT_GE(served.engine().size().keys, static_cast<std::size_t>(answered)) << "every answered key exists";
  }
}

TEST(ServerThreads, StorageFailureUnderLoadSilencesEveryone) {
  ServedEngine served(two_threads());
  std::atomic<int> answered{0};
  std::vector<std::thread> users;
  for (int number = 0; number < 4; ++number) {
    users.emplace_back([&, number] {
      create_keys(served, number, [&](int status) {
        if (status == 503) return false;
        EXPECT_EQ(status, 201);
        if (++answered == 50) served.disk().fail_commit(1);
        return true;
      });
    });
  }
  for (auto& user : users) user.join();
  EXPECT_LE(static_cast<std::size_t>(answered), served.engine().durable() - 1) << "one event began the epoch";
}

class Noise {
 public:
  explicit Noise(unsigned seed) : random_(seed) {}

  std::string operator()() {
    std::string out;
    for (int left = below(4); left >= 0; --left) out += request();
    for (int left = below(6); left > 0; --left) mutate(out);
    return out;
  }

 private:
  int below(std::size_t limit) { return static_cast<int>(random_() % limit); }
  std::string bytes(int size) {
    std::string out(size, '\0');
    for (char& c : out) c = static_cast<char>(random_());
    return out;
  }
  std::string request() {
    switch (below(6)) {
      case 0:
        return bytes(below(300));
      case 1:
        return "POST /v1/keys/verify HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
               "chunked\r\n\r\n3\r\n{}{\r\n0\r\nA: b\r\n\r\n";
      case 2:
        return ServedEngine::request("POST", "/v1/keys", "Content-Length: 20\r\n") + bytes(20);
      case 3:
        return ServedEngine::request("GET", "/v1/invalidations?after=" + bytes(3));
      case 4:
        return ServedEngine::request("DELETE", "/v1/keys/nobody");
      default:
        return cases_[below(cases_.size())].head;
    }
  }
  void mutate(std::string& text) {
    if (text.empty()) return;
    const auto at = static_cast<std::size_t>(below(text.size()));
    switch (below(4)) {
      case 0:
        text[at] = static_cast<char>(random_());
        break;
      case 1:
        text.erase(at, below(10));
        break;
      case 2:
        text.insert(at, bytes(below(4)));
        break;
      default:
        text.insert(at, text.substr(at / 2, below(60)));
    }
  }

  std::mt19937 random_;
  std::vector<test::HeadCase> cases_ = test::passing_cases();
};

TEST(ServerThreads, NoiseIsAnsweredOrCutOffAndHarmsNobody) {
  testing::internal::CaptureStderr();
  {
    ServedEngine served(two_threads());
    served.create("k1");
    Noise noise(11);
    constexpr int clients = revoked::test::sanitized ? 600 : 3'000;
    for (int i = 0; i < clients; ++i) {
      RawClient client(served.port());
      const auto sent = noise();
      client.send(sent.substr(0, sent.size() / 2));
      client.send(sent.substr(sent.size() / 2));
      client.end_sending();
      const auto answer = client.read_to_end();
      ASSERT_TRUE(client.was_closed());
      ASSERT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 ")) << answer;
    }
    EXPECT_EQ(served.client().get("/v1/keys/k1").json()["state"].text(), "active");
  }
  const auto log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(log.find("\"level\":\"error\""), std::string::npos)
      << "an exception in a session is a bug: " << log;
}

}  // namespace revoked::net::server_threads_test
