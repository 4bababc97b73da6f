#include "engine/tables/permission_sets.hpp"
#include "engine/model/permissions.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/engine/engine_fixtures.hpp"

namespace revoked::engine::permission_sets_test {

TEST(PermissionSets, HaveOneNormalForm) {
  EXPECT_TRUE(is_normal(""));
  EXPECT_TRUE(is_normal("a"));
  EXPECT_TRUE(is_normal("a a:b b"));
  EXPECT_FALSE(is_normal("b a"));
  EXPECT_FALSE(is_normal("a a"));
  EXPECT_EQ(normal_form("b a c a b"), "a b c");
  EXPECT_EQ(normal_form(""), "");
}

TEST(PermissionSets, KeepASetOnceInWhateverOrderItComes) {
  PermissionSets sets;
  std::vector<std::string> words{"a", "b", "c", "d", "e", "f"};
  const auto slot = sets.intern("a b c d e f");
  do {
    std::string list;
    for (const auto& word : words) list += (list.empty() ? "" : " ") + word;
    EXPECT_EQ(sets.intern(list), slot);
    EXPECT_EQ(sets.intern(list + " a " + list), slot);
  } while (std::next_permutation(words.begin(), words.end()));
  EXPECT_EQ(sets.size(), 1u);
  EXPECT_EQ(sets.get(slot), "a b c d e f");
}

class SetsOfATenant : public test::FakeDiskFixture {
 protected:
  SetsOfATenant() {
    for (int i = 0; i < 40; ++i) words_.push_back("permission-" + std::to_string(10 + i));
    tenant_.permissions = list(~std::uint64_t{0});
    tenant_.reach.limits[static_cast<std::size_t>(Scope::workspace)] = {"w1"};
  }
  // The words of the bits that are set.
  std::string list(std::uint64_t bits) const {
    std::string text;
    for (std::size_t i = 0; i < words_.size(); ++i) {
      if (bits >> i & 1) text += (text.empty() ? "" : " ") + words_[i];
    }
    return text;
  }
  boost::system::error_code create(std::string_view permissions, const Principal* by,
                                   std::string_view workspace) {
    const auto id = "key-" + std::to_string(++keys_);
    NewKey key;
    key.key_id = id;
    key.digest = test::digest_of(id);
    key.owners = {"", "", workspace};
    key.permissions = permissions;
    Caller caller;
    if (by != nullptr) caller = {by->actor, {}, {}, &by->reach, by->actor_kind, by};
    const auto created = engine_->create(key, caller);
    return created ? boost::system::error_code() : created.error();
  }
  // How many sets the tenant can add, and their cost.
  std::uint64_t fill(std::size_t& cost) {
    for (std::uint64_t bits = 1;; ++bits) {
      const auto permissions = list(bits);
      if (const auto error = create(permissions, &tenant_, "w1")) {
        EXPECT_EQ(error, errc::too_many_permission_sets);
        return bits - 1;
      }
      cost += PermissionSets::cost_of(permissions);
      if (bits == 1u << 14) return bits;
    }
  }

  std::vector<std::string> words_;
  Principal tenant_{false, {}, {}, "tenant", ActorKind::key};
  int keys_ = 0;
};

TEST_F(SetsOfATenant, P13FairHaveABoundAndTakeNothingFromOthers) {
  std::size_t cost = 0;
  const auto sets = fill(cost);
  ASSERT_GT(sets, 500u) << "enough for normal use";
  EXPECT_LE(cost, Tables::max_set_bytes_an_owner);
  EXPECT_FALSE(create(list(1), &tenant_, "w1")) << "existing sets may be used";
  EXPECT_FALSE(create("", &tenant_, "w1"));
  const auto another = list(std::uint64_t{1} << 39);
  auto other = tenant_;
  other.reach.limits[static_cast<std::size_t>(Scope::workspace)] = {"w2"};
  EXPECT_FALSE(create(another, &other, "w2")) << "another tenant";
  EXPECT_FALSE(create(another, &tenant_, "w1")) << "at no cost";
  EXPECT_FALSE(create(list(std::uint64_t{3} << 38), nullptr, "w1")) << "an unlimited caller";

  engine_.sync();
  engine_.restart();
  EXPECT_EQ(create(list(std::uint64_t{7} << 37), &tenant_, "w1"), errc::too_many_permission_sets);
  EXPECT_FALSE(create(list(std::uint64_t{7} << 37), &other, "w2"));
}

TEST_F(SetsOfATenant, AreToldInTheirOrder) {
  ASSERT_FALSE(create("b a b", nullptr, "w1"));
  engine_.sync();
  EXPECT_EQ(engine_->describe("key-1", 1)->decision.permissions, "a b");
  engine_.restart();
  EXPECT_EQ(engine_->describe("key-1", 1)->decision.permissions, "a b");
}

}  // namespace revoked::engine::permission_sets_test
