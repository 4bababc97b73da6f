#include "engine/ids.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

namespace revoked::engine {
namespace {

TEST(Ids, HaveTheirAlphabets) {
  const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-";
  for (int c = 0; c < 256; ++c) {
    const std::string id = {'a', static_cast<char>(c)};
    const bool common = letters.find(static_cast<char>(c)) != std::string::npos;
    EXPECT_EQ(is_key_id(id), common) << c;
    EXPECT_EQ(is_owner_id(id), common || c == '@' || c == ':' || c == '+') << c;
  }
}

TEST(Ids, HaveOneTo128Characters) {
  for (const auto is_id : {is_key_id, is_owner_id}) {
    EXPECT_FALSE(is_id(""));
    EXPECT_TRUE(is_id("a"));
    EXPECT_TRUE(is_id(std::string(128, 'a')));
    EXPECT_FALSE(is_id(std::string(129, 'a')));
  }
}

TEST(Ids, ScopesHaveNames) {
  EXPECT_EQ(to_string(Scope::user), "user");
  EXPECT_EQ(to_string(Scope::application), "application");
  EXPECT_EQ(to_string(Scope::workspace), "workspace");
}

TEST(NewKeyId, IsAUuidOfVersion7) {
  for (int i = 0; i < 1000; ++i) {
    const auto id = new_key_id(1'767'323'045'678);
    ASSERT_EQ(id.size(), 36u);
    EXPECT_TRUE(is_key_id(id));
    for (std::size_t at = 0; at < id.size(); ++at) {
      if (at == 8 || at == 13 || at == 18 || at == 23) {
        EXPECT_EQ(id[at], '-');
      } else {
        EXPECT_NE(std::string_view("0123456789abcdef").find(id[at]), std::string_view::npos) << id;
      }
    }
    EXPECT_EQ(id.substr(0, 13), "019b7ca9-8f2e");  // 1767323045678 in hexadecimal
    EXPECT_EQ(id[14], '7');
    EXPECT_NE(std::string_view("89ab").find(id[19]), std::string_view::npos) << id;
  }
}

TEST(NewKeyId, SortsByTime) {
  UnixMs at = 1;
  std::string before = new_key_id(at);
  for (int i = 0; i < 46; ++i) {
    at *= 2;
    const auto id = new_key_id(at);
    EXPECT_LT(before, id);
    before = id;
  }
}

TEST(NewKeyId, IsUniqueAcrossThreads) {
  constexpr int each = 25'000;
  std::vector<std::vector<std::string>> made(4);
  std::vector<std::thread> threads;
  for (auto& ids : made) {
    threads.emplace_back([&ids] {
      for (int i = 0; i < each; ++i) ids.push_back(new_key_id(42));
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<std::string> all;
  for (const auto& ids : made) all.insert(ids.begin(), ids.end());
  EXPECT_EQ(all.size(), 4u * each);
}

}  // namespace
}  // namespace revoked::engine
