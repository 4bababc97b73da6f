// An import stores what was sent, however many lines are collected, and whatever their texts and numbers are.

#include <random>

#include "tests/net/api/bulk_server.hpp"

namespace revoked::net::import_texts_test {

using namespace test;

class ImportedTexts : public testing::Test {
 protected:
  ImportedTexts() : seed_(std::random_device()()), random_(seed_) {}

  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
  }
  std::string letters(std::size_t size) {
    std::string text;
    while (text.size() < size) text.push_back(static_cast<char>('a' + below(26)));
    return text;
  }
  // Numbers that become longer or shorter when parsed and written again.
  std::string number() {
    static constexpr const char* numbers[] = {"1e14", "1E5", "-0",   "0.1000", "12345678901234567890",
                                              "-1.5", "7",   "1e-3", "4.0",    "2e9"};
    return numbers[below(std::size(numbers))];
  }
  std::string value(std::size_t most, int depth = 0) {
    const auto kind = depth == 6 ? 0 : below(4);
    if (most < 24 || kind == 0) return number();
    if (kind == 1) return '"' + letters(below(most / 2)) + '"';
    std::string out(1, kind == 2 ? '[' : '{');
    for (int i = 0; out.size() + 40 < most; ++i) {
      if (i != 0) out.push_back(',');
      if (kind == 3) out.append("\"").append(std::to_string(i)).append("\":");
      out += value(most - out.size() - 20, depth + 1);
    }
    return out + (kind == 2 ? ']' : '}');
  }

  struct Sent {
    std::string id, name, metadata, user;
  };
  Sent draw(int i) {
    Sent sent;
    sent.id = letters(1 + below(40)) + "-" + std::to_string(i);
    sent.name = letters(1 + below(engine::max_name_size));
    if (below(5) != 0) sent.metadata = "{\"a\":" + value(below(engine::max_metadata_size - 10)) + "}";
    if (below(2) != 0) sent.user = letters(1 + below(engine::max_owner_id_size));
    return sent;
  }
  static std::string line(const Sent& sent) {
    std::string more = ",\"name\":\"" + sent.name + "\"";
    if (!sent.metadata.empty()) more += ",\"metadata\":" + sent.metadata;
    if (!sent.user.empty()) more += ",\"user\":\"" + sent.user + "\"";
    return import_line(sent.id, more);
  }
  void import(const std::vector<Sent>& keys) {
    std::string body;
    for (const auto& key : keys) body += line(key);
    const auto answer = admin_.request("POST", "/v1/keys/import", {}, body);
    ASSERT_EQ(answer.status, 200) << answer.body;
    ASSERT_EQ(answer.json()["created"].number(), static_cast<double>(keys.size())) << answer.body;
  }
  void expect_as_sent(const Sent& sent) {
    const auto answer = admin_.get("/v1/keys/" + sent.id);
    ASSERT_EQ(answer.status, 200) << sent.id << answer.body;
    EXPECT_EQ(answer.json()["key_id"].text(), sent.id);
    EXPECT_EQ(answer.json()["name"].text(), sent.name);
    if (!sent.user.empty()) {
      EXPECT_EQ(answer.json()["user"].text(), sent.user);
    }
    EXPECT_NE(answer.body.find(sent.metadata.empty() ? "" : "\"metadata\":" + sent.metadata),
              std::string::npos)
        << answer.body;
  }

  const std::uint64_t seed_;
  std::mt19937_64 random_;
  ApiServer server_;
  HttpClient admin_ = server_.client();
};

// Parsed and written again, each number takes four times the space.
TEST_F(ImportedTexts, StayWhereNumbersWouldGrow) {
  std::string metadata = "{\"a\":[1e14";
  for (int i = 1; i < 226; ++i) metadata += ",1e14";
  metadata += "]}";
  std::vector<Sent> keys;
  for (int i = 0; i < 240; ++i)
    keys.push_back(
        {"key-" + std::to_string(i), std::string(25, static_cast<char>('a' + i % 26)), metadata, {}});
  import(keys);
  for (const auto& key : keys) expect_as_sent(key);
}

TEST_F(ImportedTexts, OfEveryLengthComeBackAsTheyWereSent) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  for (int round = 0; round < 4; ++round) {
    std::vector<Sent> keys;
    for (int i = 0; i < 300; ++i) keys.push_back(draw(round * 1000 + i));
    import(keys);
    for (const auto& key : keys) expect_as_sent(key);
  }
}

}  // namespace revoked::net::import_texts_test
