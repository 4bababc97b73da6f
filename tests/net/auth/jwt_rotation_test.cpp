// The key file changes, and the cached tokens with it.

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "net/auth/token_cache.hpp"
#include "tests/net/auth/jwt_harness.hpp"
#include "tests/support/eventually.hpp"

namespace revoked::net::jwt_rotation_test {

TEST_F(JwtTest, FollowsTheRotationOfKeys) {
  const auto old_key = SigningKey::eddsa();
  const auto new_key = SigningKey::eddsa();
  const auto of_old = old_key.token(header("EdDSA", "old"), payload());
  const auto of_new = new_key.token(header("EdDSA", "new"), payload());
  write_keys(key_set({old_key.jwk("old")}));
  EXPECT_EQ(fate(of_old), "accepted");
  EXPECT_EQ(fate(of_new), "no key for it");

  write_keys(key_set({old_key.jwk("old"), new_key.jwk("new")}));
  EXPECT_EQ(fate(of_new, now_ms + 999), "no key for it");  // checked once a second
  EXPECT_EQ(fate(of_new, now_ms + 1000), "accepted");
  EXPECT_EQ(fate(of_old, now_ms + 1000), "accepted");

  write_keys(key_set({new_key.jwk("new")}));
  EXPECT_EQ(fate(of_old, now_ms + 2000), "no key for it");  // though its token was in the cache
  EXPECT_EQ(fate(of_new, now_ms + 2000), "accepted");
  EXPECT_EQ(reports_, (std::vector<std::string>{"good", "good", "good"}));
}

TEST_F(JwtTest, TakesTheNewKeyBehindAnOldKid) {
  const auto new_key = SigningKey::hs256(std::string(32, 'n'));
  EXPECT_EQ(fate(token("HS256")), "accepted");
  write_keys(key_set({new_key.jwk("HS256")}));
  EXPECT_EQ(fate(token("HS256"), now_ms + 1000), "bad signature");
  EXPECT_EQ(fate(new_key.token(header("HS256", "HS256"), payload()), now_ms + 1000), "accepted");
}

TEST_F(JwtTest, SeesAFileWrittenInPlaceWithTheSameSizeAndTime) {
  write_keys(key_set({key_for("HS256").jwk("one")}));
  EXPECT_EQ(fate(with_header(header("HS256", "one"))), "accepted");
  const auto time = last_write_time(file());
  std::ofstream(file()) << key_set({key_for("HS256").jwk("two")});
  last_write_time(file(), time);
  EXPECT_EQ(fate(with_header(header("HS256", "one")), now_ms + 1000), "no key for it");
  EXPECT_EQ(fate(with_header(header("HS256", "two")), now_ms + 1000), "accepted");
}

TEST_F(JwtTest, KeepsTheLastGoodKeysWhileTheFileIsBroken) {
  const auto good = token("HS256");
  EXPECT_EQ(fate(good), "accepted");
  engine::UnixMs now = now_ms;
  const auto is_still_accepted = [&] {
    return fate(good, now += 1000) == "accepted" && fate(good, now += 1000) == "accepted";
  };

  write_keys(R"({"keys":[)");
  EXPECT_TRUE(is_still_accepted());
  write_keys("");
  EXPECT_TRUE(is_still_accepted());
  write_keys(std::string(max_jwks_bytes + 1, ' '));
  EXPECT_TRUE(is_still_accepted());
  std::filesystem::remove(file());
  EXPECT_TRUE(is_still_accepted());
  std::filesystem::create_directory(file());
  EXPECT_TRUE(is_still_accepted());
  std::filesystem::remove(file());
  ASSERT_EQ(::mkfifo(file().c_str(), 0600), 0);  // opening it must not wait for a writer
  EXPECT_TRUE(is_still_accepted());
  std::filesystem::remove(file());
  write_keys(all_jwks());
  EXPECT_TRUE(is_still_accepted());
  // Each fault is reported once, and so is its end. A directory and a FIFO are one fault.
  EXPECT_EQ(reports_,
            (std::vector<std::string>{
                "good", "not one JSON object, or a member comes twice",
                "not one JSON object, or a member comes twice", "not a regular file, or larger than 256 KiB",
                "No such file or directory", "not a regular file, or larger than 256 KiB", "good"}));
  write_keys(key_set({}));  // valid: no key is trusted
  EXPECT_EQ(fate(good, now += 1000), "no key for it");
}

// Removing a leaked key must end its tokens, whatever else is in the file.
TEST_F(JwtTest, EndsWhatIsGoneFromTheFileWhateverElseIsInIt) {
  const auto leaked = SigningKey::eddsa();
  const auto kept = SigningKey::es256();
  const auto of_leaked = leaked.token(header("EdDSA", "leaked"), payload());
  const auto of_kept = kept.token(header("ES256", "kept"), payload());
  engine::UnixMs now = now_ms;
  for (const auto& beside :
       {SigningKey::rs256(1024).jwk("weak"), std::string("{}"), kept.jwk("kept", R"(,"use":1)"),
        key_for("HS256").jwk("kept"), R"({"kid":"leaked")" + key_for("HS256").members() + "}"}) {
    write_keys(key_set({leaked.jwk("leaked"), kept.jwk("kept")}));
    EXPECT_EQ(fate(of_leaked, now += 1000), "accepted");
    EXPECT_EQ(fate(of_kept, now), "accepted");
    write_keys(key_set({kept.jwk("kept"), beside}));
    EXPECT_EQ(fate(of_leaked, now += 1000), "no key for it") << beside;  // though it was in the cache
    EXPECT_EQ(fate(of_kept, now), "accepted") << beside;
  }
  // Not even if no usable key is left.
  write_keys(key_set({"{}"}));
  EXPECT_EQ(fate(of_kept, now += 1000), "no key for it");
}

TEST_F(JwtTest, TellsOfEachKeyThatItSkips) {
  std::vector<std::string> told;
  auto telling = options();
  telling.on_jwks = [&](const JwksReport& report) {
    EXPECT_TRUE(report.is_good);
    told.assign(report.skipped.begin(), report.skipped.end());
  };
  write_keys(key_set({key_for("ES256").jwk("good"), R"({"kty":"oct","k":"AAAA"})"}));
  const JwtVerifier verifier(telling);
  EXPECT_EQ(told, std::vector<std::string>{
                      "keys[1]: not a key, or a weak one (RSA under 2048 bits, oct under 32 bytes)"});
}

TEST_F(JwtTest, DoesNotStartWithoutGoodKeys) {
  EXPECT_THROW(JwtVerifier{options()}, std::runtime_error);  // no file
  write_keys("{}");
  EXPECT_THROW(JwtVerifier{options()}, std::runtime_error);
  write_keys(key_set({"{}"}));
  EXPECT_THROW(JwtVerifier{options()}, std::runtime_error);
  write_keys(all_jwks());
  for (const auto leeway : {-1, 61}) {
    auto wrong = options();
    wrong.rules.leeway_s = leeway;
    EXPECT_THROW(JwtVerifier{wrong}, std::invalid_argument);
  }
  auto right = options();
  right.rules.leeway_s = 60;
  EXPECT_NO_THROW(JwtVerifier{right});
}

TEST_F(JwtTest, RemembersATokenButNeverBeyondItsExp) {
  const auto short_lived = token("ES256", {{"exp", std::to_string(now_s + 10)}});
  EXPECT_EQ(verifier().cached(), 0);
  const auto first = verifier().verify(short_lived, now_ms);
  const auto second = verifier().verify(short_lived, now_ms + 9'999);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);  // the same object: it was not verified again
  EXPECT_EQ(verifier().cached(), 1);
  EXPECT_EQ(fate(short_lived, now_ms + 10'000), "expired");
}

TEST_F(JwtTest, RemembersNothingDuringLeeway) {
  write_keys(all_jwks());
  auto lenient = options();
  lenient.rules.leeway_s = 60;
  const JwtVerifier lenient_verifier(lenient);
  const auto short_lived = token("ES256", {{"exp", std::to_string(now_s + 10)}});
  EXPECT_TRUE(lenient_verifier.verify(short_lived, now_ms + 69'999));
  EXPECT_EQ(lenient_verifier.cached(), 0);
  EXPECT_FALSE(lenient_verifier.verify(short_lived, now_ms + 70'000));
}

TEST_F(JwtTest, RemembersOnlyTheWholeToken) {
  const auto good = token("EdDSA");
  EXPECT_EQ(fate(good), "accepted");
  const auto message = good.substr(0, good.rfind('.') + 1);
  EXPECT_EQ(fate(message + base64url(std::string(64, 'x'))), "bad signature");
  EXPECT_NE(fate(message), "accepted");
  EXPECT_NE(
      fate(token("EdDSA", {{"sub", R"("mallory")"}}).substr(0, message.size()) + good.substr(message.size())),
      "accepted");
  EXPECT_EQ(verifier().cached(), 1);  // refused tokens are not cached
}

std::shared_ptr<Claims> claims_of_alice() {
  auto claims = std::make_shared<Claims>();
  claims->actor = "alice";
  claims->expires_at = now_ms + 600'000;
  return claims;
}

TEST(TokenCache, ForgetsAfterAMinuteWithTheKeysAndWhenTheClockIsSetBack) {
  TokenCache cache;
  const auto token = engine::sha256("token");
  const auto claims = claims_of_alice();
  EXPECT_EQ(cache.find(token, 1, now_ms), nullptr);
  cache.put(token, 1, now_ms, claims);
  EXPECT_EQ(cache.find(token, 1, now_ms + 59'999), claims);
  EXPECT_EQ(cache.find(token, 1, now_ms + 60'000), nullptr);
  EXPECT_EQ(cache.find(token, 1, now_ms - 1), nullptr);
  EXPECT_EQ(cache.find(token, 2, now_ms), nullptr);
  cache.put(token, 2, now_ms + 60'000, claims);
  EXPECT_EQ(cache.find(token, 2, now_ms + 119'999), claims);
  EXPECT_EQ(cache.size(), 1);
  cache.clear();
  EXPECT_EQ(cache.find(token, 2, now_ms + 60'000), nullptr);
}

TEST(TokenCache, IsBounded) {
  TokenCache cache;
  const auto claims = claims_of_alice();
  for (int i = 0; i < 30'000; ++i) cache.put(engine::sha256(std::to_string(i)), 1, now_ms, claims);
  EXPECT_EQ(cache.size(), TokenCache::max_entries);
  EXPECT_EQ(cache.find(engine::sha256("29999"), 1, now_ms), claims);
  EXPECT_EQ(cache.find(engine::sha256("0"), 1, now_ms), nullptr);
}

// One key stays and another is added and removed while two threads verify.
TEST_F(JwtTest, VerifiesFromManyThreadsWhileTheFileChanges) {
  const auto stays = SigningKey::es256();
  const auto goes = SigningKey::hs256();
  const auto of_stays = stays.token(header("ES256", "stays"), payload());
  const auto of_goes = goes.token(header("HS256", "goes"), payload());
  const auto both = key_set({stays.jwk("stays"), goes.jwk("goes")});
  const auto one = key_set({stays.jwk("stays")});
  write_keys(both);
  auto& shared = verifier();

  std::atomic<engine::UnixMs> clock{now_ms};
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::atomic<int> rounds{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      while (!done) {
        const auto kept = shared.verify(of_stays, clock);
        if (!kept || (*kept)->actor != "alice") ++wrong;
        std::string_view why = "no key for it";
        const auto other = shared.verify(of_goes, clock, &why);
        if (why != "no key for it" || (other && (*other)->actor != "alice")) ++wrong;
        if (shared.verify(of_goes.substr(1), clock)) ++wrong;
        ++rounds;
      }
    });
  }
  for (int i = 0; i < 100; ++i) {
    write_keys(i % 2 == 0 ? one : both);
    clock += 1000;
    for (const int seen = rounds; rounds < seen + 4;) std::this_thread::yield();
  }
  write_keys(one);
  clock += 1000;
  EXPECT_EQ(fate(of_stays, clock), "accepted");
  // The file is checked by either thread, at its next turn.
  EXPECT_TRUE(revoked::test::eventually([&] { return fate(of_goes, clock) == "no key for it"; }));
  done = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace revoked::net::jwt_rotation_test
