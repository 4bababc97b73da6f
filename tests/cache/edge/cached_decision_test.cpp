#include "cache/edge/cached_decision.hpp"

#include <gtest/gtest.h>

namespace revoked::cache::cached_decision_test {

constexpr std::string_view uuid = "0192f0c1-7a3b-7def-8123-456789abcdef";

Ids unpack_all(const PackedIds& packed, std::array<IdBuffer, 4>& buffers) {
  Ids ids;
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = unpack(packed, i, buffers[i]);
  return ids;
}

TEST(CachedDecision, GivesIdsBackAsTheyWere) {
  const std::string odd_uuid = "0192F0C1-7a3b-7def-8123-456789abcdef";  // upper case
  const std::string no_uuid = "0192f0c1x7a3b-7def-8123-456789abcdef";
  const std::string short_id(30, 'x');
  for (const Ids& ids : {Ids{uuid, uuid, uuid, uuid}, Ids{"k", "", "", ""}, Ids{short_id, "u1", "", uuid},
                         Ids{odd_uuid, "", uuid, "w"}, Ids{no_uuid, "a", "", ""}, Ids{"", "", "", ""}}) {
    PackedIds packed;
    ASSERT_TRUE(pack(ids, packed));
    std::array<IdBuffer, 4> buffers;
    EXPECT_EQ(unpack_all(packed, buffers), ids);
  }
}

TEST(CachedDecision, PacksOnlyWhatFits) {
  PackedIds packed;
  const std::string fills_it(sizeof packed - 4, 'x');
  EXPECT_TRUE(pack({fills_it, "", "", ""}, packed));
  EXPECT_FALSE(pack({fills_it + "x", "", "", ""}, packed));
  EXPECT_FALSE(pack({fills_it, "", "", "w"}, packed));
  EXPECT_FALSE(pack({std::string(1000, 'x'), "", "", ""}, packed));
}

}  // namespace revoked::cache::cached_decision_test
