// One caller who may create keys fills the disk: revocations of all callers still work.

#include <gtest/gtest.h>

#include <random>

#include "tests/support/fake_engine.hpp"
#include "tests/support/revoked_programs.hpp"
#include "tests/support/small_disk.hpp"
#include "tests/support/witness.hpp"

namespace revoked::test::storage_full_systest {

// Keys with the maximum of incompressible metadata.
class Lines {
 public:
  explicit Lines(std::uint64_t seed) : random_(seed) {}
  std::string next(std::size_t count) {
    std::string lines;
    for (std::size_t i = 0; i < count; ++i) {
      lines.append(R"({"secret_sha256":")");
      append_random<4>(lines, 64, "0123456789abcdef");
      lines.append(R"(","metadata":{"x":")");
      append_random<6>(lines, 4000, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
      lines.append("\"}}\n");
    }
    return lines;
  }

 private:
  // Of an alphabet of 2^bits characters. One random number gives several: half a gigabyte is made.
  template <unsigned bits>
  void append_random(std::string& out, std::size_t count, std::string_view alphabet) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < count; ++i, number >>= bits) {
      if (i % (64 / bits) == 0) number = random_();
      out.push_back(alphabet[number % (1u << bits)]);
    }
  }
  std::mt19937_64 random_;
};

bool is_for_want_of_room(const HttpResponse& response) {
  return response.status == 507 || response.json()["failed"][0]["code"].text() == "storage_full";
}

TEST(P13Fair, WhoFillsTheDiskKeepsNobodyFromRevoking) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  EngineProcess engine;
  ASSERT_EQ(engine.stop(), 0);
  const SmallDisk disk(engine.data_directory(), "400m");
  if (!disk.is_mounted()) GTEST_SKIP() << SmallDisk::why_not;
  engine.start();
  const auto doomed = create_keys(engine, 300);
  HttpClient admin = engine.client();
  Lines lines(seed);
  std::size_t revoked = 0;
  bool was_full = false;
  // Half a gigabyte, with revocations throughout.
  for (int i = 0; i < 1300; ++i) {
    HttpClient importer = engine.client();
    const auto answer = importer.request("POST", "/v1/keys/import", {}, lines.next(100));
    const bool is_full = is_for_want_of_room(answer);
    ASSERT_TRUE(is_full || answer.status == 200) << answer.body;
    was_full = was_full || is_full;
    if (i % 10 == 0) {
      ASSERT_EQ(revoke(admin, doomed[revoked++].key_id).status, 200);
    }
  }
  EXPECT_TRUE(was_full);
  for (; revoked < doomed.size(); ++revoked) ASSERT_EQ(revoke(admin, doomed[revoked].key_id).status, 200);
  EXPECT_FALSE(engine.process().wait(0ms).has_value());

  engine.kill();
  engine.start();
  HttpClient client = engine.client();
  for (const auto& key : doomed) ASSERT_EQ(state_of(client, key.key_id), "revoked") << key.key_id;
  engine.kill();
}

// Of the tests themselves: the disk may fill while an import is read, whose lines are then refused one by
// one.
TEST(Witness, DoesNotExpectAnImportThatHadNoSpace) {
  FakeEngine engine([](const FakeRequest&, FakeEngine::Peer& peer) {
    peer.answer(200, R"({"accepted":0,"failed":[{"line":1,"code":"storage_full"}],"failed_count":1})");
  });
  HttpClient client(engine.port());
  Witness witness;
  EXPECT_FALSE(witness.import(client, "refused", 1));
  EXPECT_EQ(witness.unknown(), 1);
  EXPECT_EQ(witness.surprises(), "");
}

}  // namespace revoked::test::storage_full_systest
