#include "net/http/router.hpp"

#include <gtest/gtest.h>

namespace revoked::net::router_test {

struct Route {
  Method method;
  std::string_view pattern;
  int number;
};
constexpr Route routes[] = {
    {Method::post, "/keys/verify", 1},     {Method::get, "/keys/{}", 2},
    {Method::delete_, "/keys/{}", 3},      {Method::post, "/keys", 4},
    {Method::get, "/users/{}/keys/{}", 5}, {Method::get, "/", 6},
};

RouteMatch<Route> match(Method method, std::string_view path) {
  return match_route(std::span(routes), method, path);
}
int number_of(Method method, std::string_view path) {
  const auto found = match(method, path);
  return found.route == nullptr ? 0 : found.route->number;
}

TEST(Router, FindsTheRoute) {
  EXPECT_EQ(number_of(Method::post, "/keys"), 4);
  EXPECT_EQ(number_of(Method::get, "/keys/k1"), 2);
  EXPECT_EQ(number_of(Method::delete_, "/keys/k1"), 3);
  EXPECT_EQ(number_of(Method::get, "/"), 6);
  EXPECT_EQ(number_of(Method::post, "/keys/verify"), 1);
  EXPECT_EQ(number_of(Method::get, "/keys/verify"), 2) << "a parameter may look like another route's name";
}

TEST(Router, FindsNothingElse) {
  for (const auto* path : {"", "//", "/key", "/keyss", "/keys/a/b", "/users/u/keys", "/users//keys/k",
                           "/users/u/keys/", "/keys//", "/Keys", "/%6beys", "*", "/../keys"}) {
    EXPECT_EQ(number_of(Method::post, path), 0) << path;
    EXPECT_EQ(number_of(Method::delete_, path), 0) << path;
  }
}

TEST(Router, ReadsParameters) {
  const auto two = match(Method::get, "/users/u%201/keys/k.2");
  ASSERT_NE(two.route, nullptr);
  EXPECT_EQ(two.parameters[0], "u 1");
  EXPECT_EQ(two.parameters[1], "k.2");
}

TEST(Router, EncodedSlashBelongsToTheParameter) {
  const auto found = match(Method::get, "/keys/a%2Fb%2f..");
  ASSERT_NE(found.route, nullptr);
  EXPECT_EQ(found.parameters[0], "a/b/..");
}

TEST(Router, ParameterIsNeverEmptyOrMalformed) {
  EXPECT_EQ(number_of(Method::get, "/keys/"), 0);
  EXPECT_EQ(number_of(Method::get, "/keys//"), 0);
  EXPECT_EQ(number_of(Method::get, "/keys/%"), 0);
  EXPECT_EQ(number_of(Method::get, "/keys/%4"), 0);
  EXPECT_EQ(number_of(Method::get, "/keys/%zz"), 0);
  EXPECT_EQ(number_of(Method::get, "/users//keys/k"), 0);
}

TEST(Router, IgnoresOneTrailingSlash) {
  EXPECT_EQ(number_of(Method::post, "/keys/"), 4);
  EXPECT_EQ(number_of(Method::get, "/keys/k1/"), 2);
  EXPECT_EQ(match(Method::get, "/keys/k1/").parameters[0], "k1");
  EXPECT_EQ(number_of(Method::get, "/keys/k1//"), 0);
}

TEST(Router, HeadFindsWhatGetFinds) {
  EXPECT_EQ(number_of(Method::head, "/keys/k1"), 2);
  EXPECT_EQ(number_of(Method::head, "/keys"), 0);
}

TEST(Router, SaysWhatThePathAllows) {
  EXPECT_EQ(match(Method::put, "/keys").allowed, "POST, OPTIONS");
  EXPECT_EQ(match(Method::put, "/keys/k1").allowed, "GET, HEAD, DELETE, OPTIONS");
  EXPECT_EQ(match(Method::options, "/keys/verify").allowed, "POST, GET, HEAD, DELETE, OPTIONS");
  EXPECT_EQ(match(Method::other, "/").allowed, "GET, HEAD, OPTIONS");
  EXPECT_EQ(match(Method::get, "/nothing").allowed, "");
}

TEST(Router, SaysWhatTheServerAllows) {
  EXPECT_EQ(methods_of(std::span(routes)), "GET, HEAD, POST, DELETE, OPTIONS");
}

TEST(Router, MatchesNoMoreParametersThanThereIsRoomFor) {
  Parameters parameters;
  EXPECT_FALSE(match_path("/{}/{}/{}", "/a/b/c", parameters));
  EXPECT_TRUE(match_path("/{}/{}/x", "/a/b/x", parameters));
}

}  // namespace revoked::net::router_test
