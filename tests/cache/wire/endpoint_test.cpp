#include "cache/wire/endpoint.hpp"

#include <gtest/gtest.h>

namespace revoked::cache::endpoint_test {

TEST(HttpUrl, IsStrict) {
  EXPECT_EQ(parse_http_url("http://engine.example:7000", 7385), (HttpAddress{"engine.example", 7000, false}));
  EXPECT_EQ(parse_http_url("https://h", 7385), (HttpAddress{"h", 7385, true}));
  EXPECT_EQ(parse_http_url("http://h/", 7385), (HttpAddress{"h", 7385, false}));
  EXPECT_EQ(parse_http_url("http://[::1]:80", 7385), (HttpAddress{"::1", 80, false}));
  for (const auto* url : {"", "h", "h:1", "https://", "https://h/path", "http://", "http://h:0",
                          "http://h:99999", "http://h/path", "http://u@h", "http://h?x", "http://[::1",
                          "http://::1", "http://h:80:80", "http://a,http://b"})
    EXPECT_FALSE(parse_http_url(url, 7385)) << url;
}

TEST(HttpUrl, IsWrittenWithItsPort) {
  for (const auto* url : {"http://h:80", "https://[::1]:7385"})
    EXPECT_EQ(format_http_url(parse_http_url(url, 1).value()), url);
}

TEST(HttpUrl, MayBeOneOfSeveral) {
  const HttpAddress a{"a", 7385, false}, b{"b", 1, true};
  EXPECT_EQ(parse_http_urls("http://a", 7385), std::vector{a});
  EXPECT_EQ(parse_http_urls("http://a,https://b:1/", 7385), (std::vector{a, b}));
  for (const auto* urls : {"", ",", "http://a,", ",http://a", "http://a,,http://b", "http://a, http://b",
                           "http://a,http://a:7385", "http://a,b"})
    EXPECT_TRUE(parse_http_urls(urls, 7385).empty()) << urls;
}

}  // namespace revoked::cache::endpoint_test
