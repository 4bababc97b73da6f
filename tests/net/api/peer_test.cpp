// What an engine takes of another one, which may be gone, of another version, slow, or end in the middle.

#include "net/api/peer.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "engine/base/error.hpp"
#include "tests/support/fake_engine.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::net::peer_test {

using engine::errc;
using namespace std::chrono_literals;
using revoked::test::FakeEngine;
using revoked::test::FakeRequest;

class FetchedCheckpoint : public testing::Test {
 protected:
  engine::result<std::uint64_t> fetch(std::uint16_t port) {
    return fetch_checkpoint("http://127.0.0.1:" + std::to_string(port), {"the-secret", {}}, file_, 300ms);
  }
  engine::result<std::uint64_t> fetch_from(FakeEngine::Handler handler) {
    const FakeEngine peer(std::move(handler));
    return fetch(peer.port());
  }
  std::size_t files() const {
    const std::filesystem::directory_iterator all(directory_.path());
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  const revoked::test::TemporaryDirectory directory_;
  const std::string file_ = directory_ / "tables";
};

TEST_F(FetchedCheckpoint, IsWhatThePeerHas) {
  const std::string bytes(3 << 20, 'x');
  std::string asked;
  const auto fetched = fetch_from([&](const FakeRequest& request, FakeEngine::Peer& peer) {
    asked = request.target + " " + request.headers.at("revoked-forwarded");
    peer.answer(200, bytes, "application/octet-stream");
  });
  ASSERT_TRUE(fetched) << fetched.error().message();
  EXPECT_EQ(asked, "/v1/checkpoint the-secret");
  EXPECT_EQ(*fetched, bytes.size());
  EXPECT_EQ(revoked::test::read_file(file_), bytes);
  EXPECT_EQ(files(), 1u);
}

TEST_F(FetchedCheckpoint, IsNoneWhereThePeerHasNone) {
  const auto of = [&](int status) {
    return fetch_from([&](const FakeRequest&, FakeEngine::Peer& peer) { peer.answer(status, "{}"); }).error();
  };
  EXPECT_EQ(of(404), errc::not_found);
  EXPECT_EQ(of(503), errc::overloaded);
  EXPECT_EQ(of(401), errc::unavailable);
  EXPECT_EQ(of(302), errc::unavailable);
  EXPECT_EQ(files(), 0u);
  const auto nobody = [] {
    const FakeEngine gone([](const FakeRequest&, FakeEngine::Peer&) {});
    return gone.port();
  }();
  EXPECT_EQ(fetch(nobody).error(), errc::unavailable);
  EXPECT_EQ(fetch_checkpoint("no address", {"the-secret", {}}, file_).error(), errc::unavailable);
}

TEST_F(FetchedCheckpoint, IsNoneIfThePeerEndsInTheMiddle) {
  EXPECT_FALSE(fetch_from([](const FakeRequest&, FakeEngine::Peer& peer) {
    peer.open_event_stream();
    peer.send_chunk(std::string(100'000, 'x'));
    peer.close();
  }));
  EXPECT_EQ(files(), 0u);
}

// It would never end.
TEST_F(FetchedCheckpoint, IsNoneIfThePeerIsTooSlow) {
  EXPECT_EQ(fetch_from([](const FakeRequest&, FakeEngine::Peer& peer) { peer.wait_until_closed(); }).error(),
            errc::timed_out);
  const auto trickled = fetch_from([](const FakeRequest&, FakeEngine::Peer& peer) {
    peer.open_event_stream();
    while (peer.send_chunk("x")) std::this_thread::sleep_for(10ms);
  });
  EXPECT_EQ(trickled.error(), errc::timed_out);
  EXPECT_EQ(files(), 0u);
}

}  // namespace revoked::net::peer_test
