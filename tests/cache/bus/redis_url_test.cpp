#include <gtest/gtest.h>

#include "cache/bus/redis.hpp"

namespace revoked::cache::redis_url_test {

TEST(RedisUrl, ReadsEveryPart) {
  const auto address = parse_redis_url("redis://alice:p%40ss%3a@redis.example:7000/3").value();
  EXPECT_EQ(address.servers.at(0).host, "redis.example");
  EXPECT_EQ(address.servers.at(0).port, 7000);
  EXPECT_EQ(address.user, "alice");
  EXPECT_EQ(address.password, "p@ss:");
  EXPECT_EQ(address.database, 3);
  EXPECT_EQ(to_string(address), "redis://redis.example:7000/3");
}

TEST(RedisUrl, HasDefaults) {
  const auto address = parse_redis_url("redis://127.0.0.1").value();
  EXPECT_EQ(address.servers.at(0).port, 6379);
  EXPECT_EQ(address.database, 0);
  EXPECT_EQ(address.password, "");
  EXPECT_EQ(parse_redis_url("redis://:secret@h").value().password, "secret");
  EXPECT_EQ(parse_redis_url("redis://h/").value().servers.at(0).host, "h");
}

TEST(RedisUrl, ReadsSixAndUnix) {
  const auto six = parse_redis_url("redis://[::1]:6380").value();
  EXPECT_EQ(six.servers.at(0).host, "::1");
  EXPECT_EQ(to_string(six), "redis://[::1]:6380");
  EXPECT_EQ(parse_redis_url("redis://[fe80::1%eth0]:6380").value().servers.at(0).host, "fe80::1%eth0");
  EXPECT_FALSE(parse_redis_url("redis://:secret@[fe80::1%a@b]:6380"));
  EXPECT_EQ(parse_redis_url("unix:///run/redis.sock").value().unix_path, "/run/redis.sock");
}

TEST(RedisUrl, ReadsSeveralServers) {
  const auto address = parse_redis_url("redis://:secret@a,b:7001,[::1]:7002/3").value();
  const std::vector<RedisServer> servers{{"a", 6379}, {"b", 7001}, {"::1", 7002}};
  EXPECT_EQ(address.servers, servers);
  EXPECT_EQ(address.primary_name, "");
  EXPECT_EQ(address.database, 3);
  EXPECT_EQ(to_string(address), "redis://a:6379,b:7001,[::1]:7002/3");
}

TEST(RedisUrl, HasALimitOfServers) {
  std::string url = "redis://a";
  for (std::size_t i = 1; i < RedisAddress::max_servers; ++i) url += ",a";
  EXPECT_TRUE(parse_redis_url(url));
  EXPECT_FALSE(parse_redis_url(url + ",a"));
}

TEST(RedisUrl, ReadsSentinels) {
  const auto address = parse_redis_url("redis+sentinel://u:p@a,b:7001/my-primary.1/2").value();
  const std::vector<RedisServer> servers{{"a", 26379}, {"b", 7001}};
  EXPECT_EQ(address.servers, servers);
  EXPECT_EQ(address.primary_name, "my-primary.1");
  EXPECT_EQ(address.user, "u");
  EXPECT_EQ(address.database, 2);
  EXPECT_FALSE(address.uses_tls);
  EXPECT_EQ(to_string(address), "redis+sentinel://a:26379,b:7001/my-primary.1/2");
  EXPECT_EQ(parse_redis_url("redis+sentinel://a/n").value().database, 0);
  EXPECT_EQ(parse_redis_url("redis+sentinel://a/n/").value().database, 0);
}

TEST(RedisUrl, ReadsTls) {
  const auto address = parse_redis_url("rediss://:secret@a/1").value();
  EXPECT_TRUE(address.uses_tls);
  EXPECT_EQ(address.servers.at(0).port, 6379);
  EXPECT_EQ(to_string(address), "rediss://a:6379/1");
  EXPECT_EQ(to_string(parse_redis_url("rediss+sentinel://a/n").value()), "rediss+sentinel://a:26379/n");
  EXPECT_FALSE(parse_redis_url("redis://a").value().uses_tls);
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
                          "redis://h,",
                          "redis://,h",
                          "redis://h,,i",
                          "redis://h/1,i",
                          "redis://u:p@h,u:p@i",
                          "redis+sentinel://h",
                          "redis+sentinel://h/",
                          "redis+sentinel://h//1",
                          "redis+sentinel://h/na me",
                          "redis+sentinel://h/name/x",
                          "redis+sentinel://h/name/1/2",
                          "redis+sentinel:///name",
                          "redis+tls://h",
                          "redisss://h",
                          "sentinel://h/name",
                          "unix://",
                          "unix:///",
                          "unix://relative",
                          "unix:///a\nb"})
    EXPECT_FALSE(parse_redis_url(url)) << url;
}

}  // namespace revoked::cache::redis_url_test
