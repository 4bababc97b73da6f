// The file with the place of a webhook.

#include "cache/webhooks/webhook_position.hpp"

#include <gtest/gtest.h>

#include "tests/support/process.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::cache::webhook_position_test {

using test::write_file;

class WebhookPositionTest : public testing::Test {
 protected:
  test::TemporaryDirectory directory_;
  const std::string path_ = directory_ / "hook";
  const WebhookPosition file_{path_};
};

TEST_F(WebhookPositionTest, KeepsThePlace) {
  EXPECT_FALSE(file_.load());
  WebhookPosition::Place place{{{3, 1041}, "k3v9x0c7q2m4"}, {}};
  for (const ExpiryMarks& marks : {ExpiryMarks{}, ExpiryMarks{ExpiryMark{1, "a:b"}, std::nullopt},
                                   ExpiryMarks{std::nullopt, ExpiryMark{1700000000000, ""}},
                                   ExpiryMarks{ExpiryMark{5, ""}, ExpiryMark{6, "2"}}}) {
    place.expiries = marks;
    ASSERT_TRUE(file_.save(place));
    const auto loaded = file_.load();
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->journal.position, place.journal.position);
    EXPECT_EQ(loaded->journal.journal, place.journal.journal);
    EXPECT_EQ(loaded->expiries, marks);
  }
}

TEST_F(WebhookPositionTest, OfAnotherVersionHasNoMarks) {
  for (const auto* const text : {"3-1041 k3v9x0c7q2m4\n", "3-1041 k3v9x0c7q2m4 3\nkey.expired 1 a\n",
                                 "3-1041 k3v9x0c7q2m4 2\nkey.other 1 a\nkey.expired x a\n"}) {
    SCOPED_TRACE(text);
    write_file(path_, text);
    const auto loaded = file_.load();
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->journal.position, (engine::Position{3, 1041}));
    EXPECT_EQ(loaded->expiries, ExpiryMarks{});
  }
  write_file(path_, "nonsense\n");
  EXPECT_FALSE(file_.load());
}

}  // namespace revoked::cache::webhook_position_test
