#include "cache/bus/bus_keys.hpp"

#include <gtest/gtest.h>

#include "cache/bus/message_encoder.hpp"

namespace revoked::cache::bus_keys_test {

const std::string key = "0123456789abcdef0123456789abcdef";

TEST(BusKeys, SignAsTheDocumentSays) {
  // python3: base64.urlsafe_b64encode(hmac.digest(key, b'{"epoch":1', 'sha256')).rstrip(b'=')
  EXPECT_EQ(BusKeys({key}).sign(R"({"epoch":1})"),
            R"({"epoch":1,"mac":"l_fdXLkVUAg9Gp4gcmN1zj5xUw_S5189QdeSxcVJZEM"})");
}

TEST(BusKeys, KnowWhatTheySigned) {
  const BusKeys keys({key, "another-key-of-before"});
  const auto message = encode_heartbeat(3, 1042, {"j1", 1'767'323'045'678, 5});
  const auto text = keys.sign(message);
  EXPECT_TRUE(keys.is_signed(text));
  const auto decoded = decode_message(text);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->last, 1042u);
  EXPECT_TRUE(keys.is_signed(BusKeys({"another-key-of-before"}).sign(message))) << "while a key is rotated";
  EXPECT_FALSE(keys.is_signed(BusKeys({"a key of another bus"}).sign(message)));
}

TEST(BusKeys, KnowNothingElse) {
  const BusKeys keys({key});
  const auto text = keys.sign(encode_heartbeat(3, 1042, {"j1", 1'767'323'045'678, 5}));
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(keys.is_signed(changed)) << i;
    EXPECT_FALSE(keys.is_signed(text.substr(0, i))) << i;
    EXPECT_FALSE(keys.is_signed(text.substr(i + 1))) << i;
  }
  EXPECT_FALSE(keys.is_signed(text + " "));
  EXPECT_FALSE(keys.is_signed(encode_heartbeat(3, 1042, {"j1", 1'767'323'045'678, 5})));
}

}  // namespace revoked::cache::bus_keys_test
