// nginx auth_request -> revoked-gateway -> engine, before a real upstream.

#include <gtest/gtest.h>

#include "tests/support/nginx_server.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/revoked_programs.hpp"

namespace revoked::test {
namespace {

class Nginx : public testing::Test {
 protected:
  HttpResponse ask(const Headers& headers) { return client_.get("/anything?x=1", headers); }

  RedisServer redis_;
  EngineProcess engine_{{.redis_url = redis_.url(), .arguments = {}, .file_size_limit_bytes = {}}};
  GatewayProcess gateway_{engine_, {.engine_url = {}, .redis_url = redis_.url(), .arguments = {}}};
  NginxServer nginx_{auth_request_config(gateway_.port())};
  HttpClient client_ = nginx_.client();
  HttpClient admin_ = engine_.client();
};

TEST_F(Nginx, PassesALiveKeyAndStopsItOnceItIsRevoked) {
  const CreatedKey key = create_key(admin_, {{"user", "u1"}});
  const Headers bearer{{"Authorization", "Bearer " + key.secret}};
  const HttpResponse live = ask(bearer);
  EXPECT_EQ(live.status, 200) << nginx_.error_log();
  EXPECT_EQ(live.body, "hello from upstream, " + key.key_id);

  ASSERT_EQ(revoke(admin_, key.key_id).status, 200);
  EXPECT_TRUE(eventually([&] { return ask(bearer).status == 403; }, 2s));
  EXPECT_EQ(ask(bearer).status, 403);
}

TEST_F(Nginx, TakesTheKeyFromXApiKeyAsWell) {
  const CreatedKey key = create_key(admin_);
  EXPECT_EQ(ask({{"X-API-Key", key.secret}}).status, 200) << nginx_.error_log();
}

TEST_F(Nginx, Answers401WithoutAKeyAndWithAnUnknownOne) {
  const HttpResponse none = ask({});
  EXPECT_EQ(none.status, 401);
  EXPECT_FALSE(none.header("WWW-Authenticate").empty());
  EXPECT_EQ(ask({{"Authorization", "Bearer rvk_unknown"}}).status, 401);
}

TEST_F(Nginx, StopsAllKeysOfAUserAtOnceAndNobodyElses) {
  const CreatedKey one = create_key(admin_, {{"user", "leaver"}});
  const CreatedKey two = create_key(admin_, {{"user", "leaver"}, {"application", "a1"}});
  const CreatedKey other = create_key(admin_, {{"user", "stayer"}});
  for (const auto& key : {one, two, other}) {
    ASSERT_EQ(ask({{"X-API-Key", key.secret}}).status, 200) << nginx_.error_log();
  }
  ASSERT_EQ(revoke_owner(admin_, "user", "leaver").json()["revoked"].number(), 2);
  EXPECT_TRUE(eventually([&] { return ask({{"X-API-Key", one.secret}}).status == 403; }, 2s));
  EXPECT_EQ(ask({{"X-API-Key", two.secret}}).status, 403);
  EXPECT_EQ(ask({{"X-API-Key", other.secret}}).status, 200);
}

}  // namespace
}  // namespace revoked::test
