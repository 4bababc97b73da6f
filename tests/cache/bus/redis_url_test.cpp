#include <gtest/gtest.h>

#include "cache/bus/redis.hpp"

namespace revoked::cache::redis_url_test {

TEST(RedisUrl, ReadsEveryPart) {
  const auto address = parse_redis_url("redis://alice:p%40ss%3a@redis.example:7000/3").value();
  EXPECT_EQ(address.host, "redis.example");
  EXPECT_EQ(address.port, 7000);
  EXPECT_EQ(address.user, "alice");
  EXPECT_EQ(address.password, "p@ss:");
  EXPECT_EQ(address.database, 3);
  EXPECT_EQ(to_string(address), "redis://redis.example:7000/3");
}

TEST(RedisUrl, HasDefaults) {
  const auto address = parse_redis_url("redis://127.0.0.1").value();
  EXPECT_EQ(address.port, 6379);
  EXPECT_EQ(address.database, 0);
  EXPECT_EQ(address.password, "");
  EXPECT_EQ(parse_redis_url("redis://:secret@h").value().password, "secret");
  EXPECT_EQ(parse_redis_url("redis://h/").value().host, "h");
}

TEST(RedisUrl, ReadsSixAndUnix) {
  const auto six = parse_redis_url("redis://[::1]:6380").value();
  EXPECT_EQ(six.host, "::1");
  EXPECT_EQ(to_string(six), "redis://[::1]:6380");
  EXPECT_EQ(parse_redis_url("redis://[fe80::1%eth0]:6380").value().host, "fe80::1%eth0");
  EXPECT_FALSE(parse_redis_url("redis://:secret@[fe80::1%a@b]:6380"));
  EXPECT_EQ(parse_redis_url("unix:///run/redis.sock").value().unix_path, "/run/redis.sock");
}

TEST(RedisUrl, RefusesEverythingElse) {
  for (const auto* url : {"",
                          "redis:",
                          "redis://",
                          "http://h",
                          "REDIS://h",
                          "redis://h:0",
                          "redis://h:65536",
                          "redis://h:",
                          "redis://h:x",
                          "redis://h/x",
                          "redis://h/1/2",
                          "redis://h/-1",
                          "redis://h/99999999999",
                          "redis://user@h",
                          "redis://u:@h",
                          "redis://u:p%4@h",
                          "redis://u:p%zz@h",
                          "redis://u:p\xc3\xa9@h",
                          "redis://u:p@q@h",
                          "redis://h?x=1",
                          "redis://h#x",
                          "redis://[::1",
                          "redis://[zz]",
                          "redis://::1",
                          "redis://h h",
                          "unix://",
                          "unix:///",
                          "unix://relative",
                          "unix:///a\nb"})
    EXPECT_FALSE(parse_redis_url(url)) << url;
}

}  // namespace revoked::cache::redis_url_test
