#include "engine/model/forgotten_key.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace revoked::engine::forgotten_key_test {

TEST(ForgottenKeys, ComeBackAsTheyWere) {
  const std::string secrets(3 * digest_head_bytes, 's');
  std::string bytes;
  append_forgotten(bytes, {"a", 1, 0, 1234, false, secrets});
  append_forgotten(bytes, {std::string(128, 'b'), 7, 9, 0, true, {}});
  std::vector<std::string> ids;
  ASSERT_TRUE(for_each_forgotten(bytes, [&](const ForgottenKey& key) {
    ids.emplace_back(key.key_id);
    const bool is_first = ids.size() == 1;
    EXPECT_EQ(key.created, is_first ? 1u : 7u);
    EXPECT_EQ(key.revoked, is_first ? 0u : 9u);
    EXPECT_EQ(key.expires_at, is_first ? 1234 : 0);
    EXPECT_EQ(key.is_edited, !is_first);
    EXPECT_EQ(key.secrets, is_first ? std::string_view(secrets) : std::string_view());
  }));
  EXPECT_EQ(ids, (std::vector<std::string>{"a", std::string(128, 'b')}));
}

TEST(ForgottenKeys, ThatAreNotWholeAreSeen) {
  std::string bytes;
  append_forgotten(bytes, {"abc", 1, 2, 3, true, std::string(digest_head_bytes, 's')});
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    int visited = 0;
    EXPECT_FALSE(for_each_forgotten(std::string_view(bytes).substr(0, size), [&](const ForgottenKey&) {
      ++visited;
    })) << size;
    EXPECT_EQ(visited, 0);
  }
}

}  // namespace revoked::engine::forgotten_key_test
