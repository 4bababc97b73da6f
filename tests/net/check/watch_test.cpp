#include "net/check/watch.hpp"

#include <gtest/gtest.h>

namespace revoked::net::watch_test {

using std::chrono::seconds;

auto wait_of(std::string_view prefer) {
  Request request;
  request.headers[static_cast<std::size_t>(Header::prefer)] = prefer;
  return preferred_wait(request, longest_poll);
}

std::optional<seconds> wait_in(std::string_view prefer) {
  const auto wait = wait_of(prefer);
  EXPECT_TRUE(wait) << prefer;
  return wait ? *wait : std::nullopt;
}

TEST(WatchPreference, IsAWaitInSeconds) {
  EXPECT_EQ(wait_in("wait=20"), seconds(20));
  EXPECT_EQ(wait_in("WAIT = 0"), seconds(0));
  EXPECT_EQ(wait_in("respond-async, wait=\"7\"; x=1, wait=9"), seconds(7));
  EXPECT_EQ(wait_in("wait=301"), longest_poll);
  EXPECT_EQ(wait_in("wait=99999999999999999999"), longest_poll);
}

TEST(WatchPreference, IsAbsentAmongOthers) {
  for (const auto* const prefer :
       {"", ",", "respond-async", "x=\"wait\"", "return=minimal;wait=5", "waits=5"})
    EXPECT_EQ(wait_in(prefer), std::nullopt) << prefer;
}

TEST(WatchPreference, IsRefusedIfItIsNoNumber) {
  for (const auto* const prefer : {"wait", "wait=", "wait=x", "wait=5s", "wait=-1", "wait=1.5", "wait=\"\""})
    EXPECT_TRUE(wait_of(prefer).has_error()) << prefer;
}

}  // namespace revoked::net::watch_test
