// A webhook as configured, and its signatures.

#include "cache/webhooks/webhook.hpp"

#include <gmock/gmock.h>

namespace revoked::cache::webhook_test {

using testing::HasSubstr;

Webhook hook(std::string_view url) {
  Webhook made;
  EXPECT_TRUE(set_url(made, url)) << url;
  return made;
}

// The message and the secret of the examples of Standard Webhooks.
TEST(Webhook, IsSignedWithEachOfItsSecrets) {
  auto signed_hook = hook("http://example.com/hooks?a=b");
  signed_hook.secrets.push_back(*decode_webhook_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
  const auto request =
      webhook_request(signed_hook, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})");
  EXPECT_TRUE(request.starts_with("POST /hooks?a=b HTTP/1.1\r\nHost: example.com:80\r\n")) << request;
  EXPECT_THAT(request, HasSubstr("\r\nwebhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nwebhook-timestamp: 1614265330\r\n"));
  const std::string signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
  EXPECT_THAT(request, HasSubstr("\r\nwebhook-signature: " + signature + "\r\n"));
  EXPECT_TRUE(request.ends_with("\r\nContent-Length: 20\r\n\r\n{\"test\": 2432232314}"));

  signed_hook.secrets.insert(signed_hook.secrets.begin(), std::string(24, 'a'));
  EXPECT_THAT(
      webhook_request(signed_hook, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})"),
      HasSubstr(" " + signature + "\r\n"));
}

TEST(Webhook, HasAUrl) {
  EXPECT_EQ(hook("http://a").target, "/");
  EXPECT_EQ(hook("http://a?b").target, "/?b");
  EXPECT_EQ(hook("http://[::1]:8080/x/y").port, 8080);
  EXPECT_EQ(hook("http://a:1/secret-path").origin(), "http://a:1");
  Webhook wrong;
  for (const auto* const url : {"", "a", "http://", "http:///x", "ftp://a", "http://a b", "http://a/\r\nX: y",
                                "http://a#b", "http://user:password@a:x", "http://a:0x1"}) {
    EXPECT_FALSE(set_url(wrong, url)) << url;
  }
}

TEST(Webhook, HasASecretOfTheStandardsForm) {
  EXPECT_EQ(decode_webhook_secret("whsec_" + std::string(32, 'A')), std::string(24, '\0'));
  EXPECT_TRUE(decode_webhook_secret("whsec_+/+/" + std::string(28, 'A')));
  EXPECT_TRUE(decode_webhook_secret("whsec_" + std::string(43, 'A') + "="));
  for (const std::string& wrong : {std::string("whsec_AAAA"), std::string(38, 'A'),
                                   "whsec_" + std::string(31, 'A') + "!", "whsec_" + std::string(100, 'A')}) {
    EXPECT_FALSE(decode_webhook_secret(wrong)) << wrong;
  }
}

}  // namespace revoked::cache::webhook_test
