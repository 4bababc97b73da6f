// GET /v1/backup: who may have one, its effect on other requests, and how it ends.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/net/api/served_engine.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::net::backup_test {

using namespace std::chrono_literals;
using engine::Backup;
using revoked::test::ConnectionFailed;
using revoked::test::eventually;
using revoked::test::HttpClient;
using revoked::test::TemporaryDirectory;
using test::RawClient;
using test::ServedEngine;

constexpr std::size_t endless = std::size_t{1} << 40;

class BackupTest : public testing::Test {
 protected:
  ServedEngine& served() {
    if (!served_) served_ = std::make_unique<ServedEngine>(options_);
    return *served_;
  }
  static std::string request() { return ServedEngine::request("GET", "/v1/backup"); }
  // The first bytes have arrived.
  static bool has_begun(RawClient& client) {
    return client.read_through("\r\n\r\n").starts_with("HTTP/1.1 200 ");
  }
  int status(std::string_view method = "GET") {
    return served().client().request(method, "/v1/backup").status;
  }
  // Reads the body until its end. True if it was cut off.
  static bool is_cut(HttpClient& client) {
    try {
      while (client.receive_piece()) {
      }
    } catch (const ConnectionFailed&) {
      return true;
    }
    return false;
  }

  ServedEngine::Options options_;
  std::unique_ptr<ServedEngine> served_;
};

TEST_F(BackupTest, IsAnArchiveThatSaysUpToWhere) {
  served().create("k");
  auto client = served().client();
  const auto answer = client.get("/v1/backup");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Type"), "application/x-tar");
  EXPECT_EQ(answer.header("Revocation-Position"), "1-2");
  EXPECT_EQ(answer.header("Content-Disposition"), "attachment; filename=\"revoked-1-2.tar\"");
  EXPECT_EQ(answer.header("Transfer-Encoding"), "chunked");
  EXPECT_EQ(answer.body, std::string(Backup::piece_bytes, 'a') + std::string(Backup::piece_bytes, 'b') +
                             std::string(Backup::piece_bytes, 'c'));
  // The connection stays usable.
  const auto head = client.request("HEAD", "/v1/backup");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Revocation-Position"), "1-2");
  EXPECT_EQ(client.request("POST", "/v1/backup").status, 405);
  EXPECT_EQ(client.get("/v1/backup?after=1-1").status, 400);
  EXPECT_EQ(client.get("/livez").status, 200);
}

TEST_F(BackupTest, OfHttp10EndsWithTheConnection) {
  RawClient client(served().port());
  client.send("GET /v1/backup HTTP/1.0\r\nAuthorization: Bearer " + test::master_key + "\r\n\r\n");
  const auto answer = client.read_to_end();
  EXPECT_TRUE(client.was_closed());
  EXPECT_EQ(answer.find("chunked"), std::string::npos);
  EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, 3 * Backup::piece_bytes);
}

TEST_F(BackupTest, IsForMasterKeysAlone) {
  served().create("all",
                  "keys:create keys:read keys:verify keys:write keys:revoke audit:read gateway "
                  "gateways:read backup master master_key of a master key");
  EXPECT_EQ(HttpClient(served().port()).get("/v1/backup").status, 401);
  EXPECT_EQ(HttpClient(served().port()).get("/v1/backup", {{"X-API-Key", "no key of ours"}}).status, 401);
  for (const auto* method : {"GET", "HEAD"}) {
    const auto answer = served().client("all").request(method, "/v1/backup");
    EXPECT_EQ(answer.status, 403);
    EXPECT_EQ(answer.body.find("position"), std::string::npos);
  }
  EXPECT_EQ(status(), 200);
}

TEST_F(BackupTest, ThatCannotBeReadIsAnError) {
  served().disk().unreadable_pieces = 3;
  auto client = served().client();
  const auto answer = client.get("/v1/backup");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.json()["code"].text(), "storage_failed");
  EXPECT_EQ(client.get("/livez").status, 200);
}

TEST_F(BackupTest, ThatCannotBeReadAnyMoreIsCutOff) {
  for (const std::size_t unreadable : {1, 2}) {
    served().disk().unreadable_pieces = unreadable;
    auto client = served().client();
    client.send(client.format("GET", "/v1/backup"));
    EXPECT_EQ(client.receive_headers().status, 200);
    EXPECT_TRUE(is_cut(client)) << unreadable;
  }
  served().disk().unreadable_pieces = 0;
  EXPECT_EQ(status(), 200);
}

TEST_F(BackupTest, AreSoManyAtATime) {
  served().disk().backup_pieces = endless;
  std::vector<std::unique_ptr<RawClient>> clients;
  for (std::ptrdiff_t i = 0; i < max_backups; ++i) {
    clients.push_back(std::make_unique<RawClient>(served().port()));
    clients.back()->send(request());
    ASSERT_TRUE(has_begun(*clients.back()));
  }
  const auto refused = served().client().get("/v1/backup");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.json()["code"].text(), "overloaded");
  EXPECT_FALSE(refused.header("Retry-After").empty());
  // A disconnect frees a slot.
  clients.pop_back();
  EXPECT_TRUE(eventually([&] { return status("HEAD") == 200; }));
  clients.clear();
  served().disk().backup_pieces = 3;
  EXPECT_TRUE(eventually([&] { return status() == 200; }));
}

TEST_F(BackupTest, HoldsUpNobodyWhileTheDiskTakesLong) {
  served().create("k");
  auto other = served().client();
  ASSERT_EQ(other.get("/livez").status, 200);
  RawClient asking(served().port());
  std::unique_lock held(served().disk().mutex());
  asking.send(request());
  EXPECT_TRUE(asking.is_silent_for(50ms));
  EXPECT_EQ(other.request("POST", "/v1/keys/verify", {}, R"({"secret":"k......."})").json()["state"].text(),
            "active");
  held.unlock();
  EXPECT_TRUE(has_begun(asking));
}

// Data is not read ahead of a slow client, which is disconnected in the end; no other client waits meanwhile.
TEST_F(BackupTest, IsReadNoFasterThanItIsTaken) {
  options_.limits.write_timeout = 500ms;
  served().disk().backup_pieces = endless;
  RawClient idle(served().port(), 4096);
  idle.send(request());
  ASSERT_TRUE(eventually([&] { return served().disk().pieces_read > 0; }));
  auto other = served().client();
  std::size_t read = 0;
  int looks = 0;  // number of checks without change
  ASSERT_TRUE(eventually([&] {
    EXPECT_EQ(other.get("/livez").status, 200);
    EXPECT_LT(served().server().threads().front()->held_bytes(), 1u << 20);
    const auto before = std::exchange(read, served().disk().pieces_read.load());
    looks = before == read ? looks + 1 : 0;
    return looks == 20;
  }));
  // What the sockets buffer, and one piece.
  EXPECT_LT(read, (8u << 20) / Backup::piece_bytes);
  RawClient second(served().port());
  second.send(request());
  ASSERT_TRUE(has_begun(second));
  EXPECT_TRUE(eventually([&] { return status("HEAD") == 200; })) << "its slot is free again";
  EXPECT_TRUE(eventually([&] {
    idle.read_to_end();
    return idle.was_closed();
  }));
}

TEST_F(BackupTest, EndsWithTheAuthorityOfItsCaller) {
  const TemporaryDirectory directory;
  const auto file = directory / "master.keys";
  std::ofstream(file) << test::master_key << "\n";
  options_.master_key_file = file;
  served().disk().backup_pieces = endless;
  auto client = served().client();
  client.send(client.format("GET", "/v1/backup"));
  ASSERT_EQ(client.receive_headers().status, 200);
  ASSERT_TRUE(client.receive_piece());
  std::ofstream(directory / "new") << "another-master-key-0123456789\n";
  std::filesystem::rename(directory / "new", file);
  EXPECT_TRUE(is_cut(client));
}

TEST_F(BackupTest, EndsWhenTheEngineStops) {
  served().disk().backup_pieces = endless;
  auto client = served().client();
  client.send(client.format("GET", "/v1/backup"));
  ASSERT_EQ(client.receive_headers().status, 200);
  ASSERT_TRUE(client.receive_piece());
  RawClient idle(served().port(), 4096);
  idle.send(request());
  ASSERT_TRUE(eventually([&] { return status("HEAD") == 503; }));
  const auto began = std::chrono::steady_clock::now();
  std::thread reader([&] { EXPECT_TRUE(is_cut(client)); });
  served().server().drain();
  EXPECT_LT(std::chrono::steady_clock::now() - began, options_.limits.drain_timeout + 2s);
  reader.join();
}

}  // namespace revoked::net::backup_test
