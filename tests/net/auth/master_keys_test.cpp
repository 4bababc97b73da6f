// Master keys in a file that is replaced at run time.

#include "net/auth/master_keys.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/eventually.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::net::master_keys_test {

using revoked::test::eventually;

TEST(KeyLines, LeaveOutCommentsAndBlanks) {
  EXPECT_EQ(engine::parse_key_lines("one\r\n\n# two\nthree  \nfour"),
            (std::vector<std::string>{"one", "three", "four"}));
  EXPECT_TRUE(engine::parse_key_lines("").empty());
  EXPECT_TRUE(engine::parse_key_lines("# only\n\n").empty());
}

class MasterKeysTest : public testing::Test {
 protected:
  void write(const std::string& text) {
    std::ofstream(directory_ / "new") << text;
    std::filesystem::rename(directory_ / "new", file_);
  }
  MasterKeys watched() {
    return MasterKeys(file_, [this](const MasterKeysReport& report) {
      reports_.push_back(report.is_good ? std::to_string(report.keys) : std::string(report.reason));
    });
  }
  static bool has(const MasterKeys& keys, std::string_view key) { return keys.contains(engine::sha256(key)); }

  revoked::test::TemporaryDirectory directory_;
  const std::string file_ = directory_ / "master.key";
  std::vector<std::string> reports_;
};

TEST_F(MasterKeysTest, RotateWithoutARestart) {
  write("the old one\n");
  const auto keys = watched();
  EXPECT_TRUE(has(keys, "the old one"));
  write("the old one\nthe new one\n");
  EXPECT_TRUE(eventually([&] { return has(keys, "the new one"); }));
  EXPECT_TRUE(has(keys, "the old one"));
  write("the new one\n");
  EXPECT_TRUE(eventually([&] { return !has(keys, "the old one"); }));
  EXPECT_TRUE(has(keys, "the new one"));
  EXPECT_EQ(reports_, (std::vector<std::string>{"2", "1"}));
}

TEST_F(MasterKeysTest, StayWhenTheFileIsGoneOrEmpty) {
  write("the key there\n");
  const auto keys = watched();
  write("# nothing\n");
  EXPECT_TRUE(eventually([&] { return has(keys, "the key there") && reports_.size() == 1; }));
  std::filesystem::remove(file_);
  EXPECT_TRUE(eventually([&] { return has(keys, "the key there") && reports_.size() == 2; }));
  write("the other one\n");
  EXPECT_TRUE(eventually([&] { return has(keys, "the other one"); }));
  EXPECT_FALSE(has(keys, "the key there"));
}

TEST_F(MasterKeysTest, AreSecretsLikeAllOthers) {
  write("\xef\xbb\xbf the first one \r\nthe second\n");
  const auto keys = watched();
  EXPECT_TRUE(has(keys, "the first one"));
  write("the first one\nshort\n");
  EXPECT_TRUE(eventually([&] { return has(keys, "the second") && reports_.size() == 1; }));
  EXPECT_NE(reports_.front().find("8 to 4096"), std::string::npos) << reports_.front();
}

TEST_F(MasterKeysTest, MustBeThereAtTheStart) {
  EXPECT_THROW(watched(), std::runtime_error);
  write("\n");
  EXPECT_THROW(watched(), std::runtime_error);
}

}  // namespace revoked::net::master_keys_test
