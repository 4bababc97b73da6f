// Many keys imported by digest in one request, and half of them revoked in another: counted exactly, in
// bounded memory, and effective at the gateway.

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <optional>
#include <thread>
#include <utility>

#include "engine/base/digest.hpp"
#include "tests/support/acknowledged.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/revoked_programs.hpp"

namespace revoked::test::bulk_systest {

const int fleet = programs_are_sanitized() ? 20'000 : 400'000;
constexpr int users = 1000;
// The log has a line of progress every two seconds.
constexpr auto until_progress = 2100ms;

std::string id_of(int i) { return "fleet-" + std::to_string(i); }
std::string secret_of(int i) { return "secret-number-" + std::to_string(i); }

class BulkFleet : public testing::Test {
 protected:
  // Sends the lines as one chunked request that does not end before `least`, and samples the memory of the
  // engine meanwhile.
  Json stream(const std::string& path, int count, std::string (*line_of)(int),
              std::chrono::milliseconds least = 0ms) {
    HttpClient client(engine_.port(), std::chrono::minutes(2));
    const auto started = std::chrono::steady_clock::now();
    client.send("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " +
                engine_.master_key() + "\r\nTransfer-Encoding: chunked\r\n\r\n");
    std::string piece;
    const auto send = [&] {
      char size[20];
      std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
      client.send(size + piece + "\r\n");
      piece.clear();
      peak_ = std::max(peak_, engine_.process().resident_bytes());
    };
    for (int i = 0; i < count; ++i) {
      piece += line_of(i);
      const bool is_last = i + 1 == count;
      if (is_last) std::this_thread::sleep_until(started + least);
      if (is_last || piece.size() > 100'000) send();
    }
    client.send("0\r\n\r\n");
    const auto answer = client.receive();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
    EXPECT_EQ(answer.status, 200) << answer.body;
    RecordProperty(path + " lines/s", static_cast<int>(count / taken.count()));
    std::printf("%s: %d lines at %.0f/s\n", path.c_str(), count, count / taken.count());
    return answer.json();
  }

  // The log lines of a running request and of its end.
  void expect_told(const std::string& what) {
    for (const auto* const how_far : {" in progress", " done"}) {
      const auto message = "\"message\":\"" + what + how_far + "\"";
      EXPECT_TRUE(eventually([&] { return engine_.log_text().find(message) != std::string::npos; }))
          << message;
    }
  }
  int count_listed(const std::string& filter) {
    int count = 0;
    std::string after;
    do {
      const auto page = admin_.get("/v1/keys?limit=1000&" + filter + after).json();
      count += static_cast<int>(page["keys"].size());
      after = page["cursor"].text();
      if (!after.empty()) after.insert(0, "&cursor=");
    } while (!after.empty());
    return count;
  }
  // Every creation and every revocation is in the trail exactly once.
  void expect_complete_audit() {
    std::vector<int> created(fleet);
    std::vector<int> revoked(fleet);
    std::string after;
    for (bool more = true; more;) {
      const auto page = admin_.get("/v1/audit?limit=1000" + after).json();
      for (const auto& entry : page["entries"].items()) {
        const auto verb = entry["verb"].text();
        if (verb != "key.created" && verb != "key.revoked") continue;
        const auto i = std::stoul(entry["key_id"].text().substr(6));
        ++(verb == "key.created" ? created : revoked).at(i);
        EXPECT_EQ(entry["reason"].text(), verb == "key.revoked" ? "leaked" : "");
      }
      more = page["more"].is_true();
      after = "&after=" + page["position"].text();
    }
    for (int i = 0; i < fleet; ++i) {
      ASSERT_EQ(created[i], 1) << i;
      ASSERT_EQ(revoked[i], i % 2 == 0 ? 1 : 0) << i;
    }
    const auto one = admin_.get("/v1/audit?key_id=" + id_of(2)).json();
    ASSERT_GE(one["entries"].size(), 1u);
    EXPECT_EQ(one["entries"][0]["actor"].text(), "master");
  }

  EngineProcess engine_;
  HttpClient admin_ = engine_.client();
  std::size_t peak_ = 0;
};

TEST_F(BulkFleet, IsImportedListedAndHalfOfItRevokedExactlyAndInBoundedMemory) {
  GatewayProcess gateway(engine_);
  const auto before = engine_.process().resident_bytes();
  const auto imported = stream(
      "/v1/keys/import", fleet,
      [](int i) {
        return R"({"key_id":")" + id_of(i) + R"(","secret_sha256":")" +
               engine::to_hex(engine::sha256(secret_of(i))) + R"(","user":"user-)" +
               std::to_string(i % users) + R"(","workspace":"acme"})" + "\n";
      },
      until_progress);
  EXPECT_EQ(imported["created"].number(), fleet);
  EXPECT_EQ(imported["failed_count"].number(), 0);
  expect_told("import");
  const auto with_keys = std::exchange(peak_, 0);

  HttpClient edge = gateway.client();
  EXPECT_EQ(check(edge, secret_of(0)).status, 200);
  EXPECT_EQ(check(edge, secret_of(1)).status, 200);
  EXPECT_EQ(count_listed("user=user-2"), fleet / users);

  const auto half = [](int i) { return R"({"key_id":")" + id_of(2 * i) + R"(","reason":"leaked"})" + "\n"; };
  const auto tried = stream("/v1/revocations?dry_run=true", fleet / 2, half);
  EXPECT_EQ(tried["revoked"].number(), fleet / 2);
  EXPECT_EQ(check(edge, secret_of(0)).status, 200);
  const auto revoked = stream("/v1/revocations", fleet / 2, half, until_progress);
  EXPECT_EQ(revoked["accepted"].number(), fleet / 2);
  EXPECT_EQ(revoked["revoked"].number(), fleet / 2);
  EXPECT_EQ(revoked["already_revoked"].number(), 0);
  EXPECT_EQ(revoked["unknown"].number(), 0);
  EXPECT_EQ(revoked["failed_count"].number(), 0);
  expect_told("bulk revocation");
  const auto again = stream("/v1/revocations", fleet / 2, half);
  EXPECT_EQ(again["revoked"].number(), 0);
  EXPECT_EQ(again["already_revoked"].number(), fleet / 2);

  EXPECT_TRUE(eventually([&] { return check(edge, secret_of(0)).status == 403; }));
  EXPECT_EQ(check(edge, secret_of(fleet - 2)).status, 403);
  EXPECT_EQ(check(edge, secret_of(1)).status, 200);
  EXPECT_EQ(count_listed("user=user-2&state=active"), 0);
  EXPECT_EQ(count_listed("user=user-2&state=revoked"), fleet / users);
  EXPECT_EQ(count_listed("user=user-3&state=active"), fleet / users);
  expect_complete_audit();

  // The keys take less than 128 bytes each, and RocksDB's buffers and caches their configured sizes; the
  // requests themselves take almost nothing, and the second stream no more than the first. Sanitizers keep
  // freed memory, so it is not checked with them.
  const auto mib = [&](std::size_t memory) {
    return (static_cast<double>(memory) - static_cast<double>(before)) / (1 << 20);
  };
  std::printf("memory: +%.0f MiB by the import, +%.0f MiB at most after it\n", mib(with_keys), mib(peak_));
  if (!programs_are_sanitized()) {
    EXPECT_LT(mib(with_keys), fleet * 128. / (1 << 20) + 256);
    EXPECT_LT(mib(peak_), mib(with_keys) + 128);
  }

  engine_.kill();
  engine_.start();
  HttpClient client = engine_.client();
  EXPECT_EQ(state_of(client, id_of(fleet - 2)), "revoked");
  EXPECT_EQ(state_of(client, id_of(fleet - 1)), "active");
}

// A bulk of one caller, and checks of other callers meanwhile: over signed and unsigned Redis, and over the
// feed.
class BesideBulk : public testing::TestWithParam<const char*> {
 protected:
  std::string bus() const { return GetParam(); }
  std::string redis_url() const { return bus() == "feed" ? std::string() : redis_.url(); }
  std::vector<std::string> arguments(std::vector<std::string> others = {}) const {
    if (bus() == "signed") others.insert(others.end(), {"--bus-key-file", (directory_ / "bus.key").string()});
    return others;
  }
  static std::string lines(std::string (*line_of)(int), int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += line_of(i);
    return text;
  }
  HttpResponse post(const std::string& path, const std::string& body) {
    HttpClient client(engine_.port(), std::chrono::minutes(2));
    return client.request("POST", path, {{"Authorization", "Bearer " + engine_.master_key()}}, body);
  }

  // The status of a check: 503 while the gateway lacks a recent proof.
  int ask(const CreatedKey& key) {
    const auto status = check(client_, key.secret).status;
    ++checks_;
    if (status != 503) {
      undecided_since_.reset();
      return status;
    }
    ++undecided_;
    const auto now = position_of(admin_.get("/v1/invalidations")).sequence;
    longest_undecided_ = std::max(longest_undecided_, now - undecided_since_.value_or(now));
    if (!undecided_since_) undecided_since_ = now;
    return status;
  }
  // It becomes denied, and is never allowed for longer than the lease permits.
  void expect_denied(const Acknowledged& revoked) {
    EXPECT_TRUE(eventually([&] {
      const auto asked = std::chrono::steady_clock::now();
      const auto status = ask(revoked.key);
      if (status == 200) lateness_.allowed("the gateway", revoked, asked);
      return status == 403;
    })) << gateway_.log_text();
  }

  static constexpr auto lease = 2000ms;

  TemporaryDirectory directory_;
  const bool has_key_file_ = bool(std::ofstream(directory_ / "bus.key") << "a-key-for-the-bus-0123456789\n"
                                                                        << std::flush);
  RedisServer redis_;
  EngineProcess engine_{{.redis_url = redis_url(), .arguments = arguments()}};
  GatewayProcess gateway_{engine_,
                          {.redis_url = redis_url(),
                           .arguments = arguments({"--stale-after", std::to_string(lease.count()) + "ms"})}};
  HttpClient admin_ = engine_.client();
  HttpClient client_ = gateway_.client();
  Lateness lateness_{lease};
  std::size_t checks_ = 0;
  std::size_t undecided_ = 0;
  // Measured in events of the journal, most of which are the bulk's.
  std::optional<engine::Sequence> undecided_since_;
  engine::Sequence longest_undecided_ = 0;
};

TEST_P(BesideBulk, P13FairAGatewayDeniesNobodyElseAndAppliesSingleRevocations) {
  const int count = fleet / 2;
  const auto others = create_keys(engine_, 40);
  const auto import = lines(
      [](int i) {
        return R"({"key_id":")" + id_of(i) + R"(","secret_sha256":")" +
               engine::to_hex(engine::sha256(secret_of(i))) + "\"}\n";
      },
      count);
  ASSERT_EQ(post("/v1/keys/import", import).json()["created"].number(), count);
  const auto bulk = lines([](int i) { return R"({"key_id":")" + id_of(i) + "\"}\n"; }, count);
  const CreatedKey last{id_of(count - 1), secret_of(count - 1)};
  EXPECT_TRUE(eventually([&] { return ask(last) == 200; }));

  std::atomic<bool> over{false};
  Acknowledged end{last, {}, {}};
  std::jthread sender([&] {
    const auto answer = post("/v1/revocations", bulk);
    end.at = std::chrono::steady_clock::now();
    EXPECT_EQ(answer.json()["revoked"].number(), count) << answer.body;
    end.position = position_of(answer);
    over = true;
  });
  std::size_t revoked = 0;
  while (!over) {
    for (std::size_t i = revoked; i < others.size(); ++i) {
      const auto status = ask(others[i]);
      EXPECT_TRUE(status == 200 || status == 503) << status << "\n" << gateway_.log_text();
    }
    if (revoked + 1 == others.size()) continue;
    const auto& key = others[revoked++];
    const auto answer = revoke(admin_, key.key_id);
    ASSERT_EQ(answer.status, 200);
    expect_denied({key, position_of(answer), std::chrono::steady_clock::now()});
  }
  sender.join();
  EXPECT_GT(revoked, 0u) << "the bulk was over too soon";
  expect_denied(end);
  EXPECT_EQ(lateness_.violations(), "");
  // On a busy machine a proof may be late, and the bulk takes longer too. If the bulk held up proofs, the
  // gateway would be undecided from one lease after its begin to its end.
  std::printf("%zu of %zu checks were undecided, during %llu of %d events at most\n", undecided_, checks_,
              static_cast<unsigned long long>(longest_undecided_), count);
  EXPECT_LE(longest_undecided_, static_cast<engine::Sequence>(count) / 4) << gateway_.log_text();
}

INSTANTIATE_TEST_SUITE_P(Over, BesideBulk, testing::Values("feed", "redis", "signed"),
                         [](const auto& bus) { return std::string(bus.param); });

}  // namespace revoked::test::bulk_systest
