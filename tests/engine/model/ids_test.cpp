#include "engine/model/ids.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

namespace revoked::engine::ids_test {

TEST(Ids, OfKeysAreVisibleAsciiThatIsSafeInAPath) {
  constexpr std::string_view reserved = "/?#%\\\"";
  for (int c = 0; c < 256; ++c) {
    const std::string id = {'a', static_cast<char>(c)};
    const bool is_visible = c > 0x20 && c < 0x7f;
    EXPECT_EQ(is_key_id(id), is_visible && reserved.find(static_cast<char>(c)) == std::string_view::npos)
        << c;
  }
}

TEST(Ids, OfOwnersAreWhatIdentityProvidersGive) {
  for (const auto* const id : {"auth0|5f7c8ec7c33c6c004bbafe82", "wXHH/zM16=", "spiffe://example.org/ns/a",
                               "o'neil@example.org", "Zoë", "a b", "名前", "😀", "...", "%2F", "a\\\"b"}) {
    EXPECT_TRUE(is_owner_id(id)) << id;
  }
  for (const std::string_view id : {"", ".", "..", "a\nb", "a\x7f", "a\xc2\x85", "\xff", "\xc0\xaf",
                                    "a\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe0\x80\x80"}) {
    EXPECT_FALSE(is_owner_id(id)) << id;
  }
  EXPECT_FALSE(is_owner_id(std::string_view("a\0b", 3)));
}

TEST(Ids, HaveTheirSizes) {
  const auto has_at_most = [](auto is_id, std::size_t most) {
    return !is_id("") && is_id("a") && is_id(std::string(most, 'a')) && !is_id(std::string(most + 1, 'a'));
  };
  EXPECT_TRUE(has_at_most(is_key_id, max_key_id_size));
  EXPECT_TRUE(has_at_most(is_owner_id, max_owner_id_size));
  EXPECT_FALSE(is_key_id("."));
  EXPECT_FALSE(is_key_id(".."));
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

}  // namespace revoked::engine::ids_test
