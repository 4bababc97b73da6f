// Where a client's key may stand.

#include "net/check/credential.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "net/http/request_head.hpp"

namespace revoked::net::credential_test {

// The key found in a request; "two keys" if it is ambiguous.
std::string found(std::string_view places, const std::string& lines, const std::string& target = "/check") {
  const auto head =
      "GET " + target + " HTTP/1.1\r\nHost: h\r\n" + lines + (lines.empty() ? "\r\n" : "\r\n\r\n");
  Request request;
  EXPECT_EQ(read_head(head, HeadLimits{}, request).kind, HeadResult::Kind::complete) << head;
  std::string decoded;
  const auto key = CredentialPlaces(places).find(request, decoded);
  return key.is_ambiguous ? "two keys" : std::string(key.secret);
}

TEST(Credential, IsABearerTokenOrAnApiKeyUnlessConfigured) {
  const auto usual = CredentialPlaces::usual;
  EXPECT_EQ(found(usual, "Authorization: bearer k1"), "k1");
  EXPECT_EQ(found(usual, "X-Api-Key: k2"), "k2");
  EXPECT_EQ(found(usual, "X-API-Key: k2\r\nAuthorization: Bearer k1"), "k1") << "the first place counts";
  EXPECT_EQ(found(usual, "Authorization: Basic dTpw\r\nX-API-Key: k2"), "k2");
  EXPECT_EQ(found(usual, ""), "");
}

TEST(Credential, IsTheWholeOfAuthorization) {
  EXPECT_EQ(found("authorization", "Authorization: k 1"), "k 1");
  EXPECT_EQ(found("authorization", "Authorization: Bearer k1"), "") << "that is another place";
  EXPECT_EQ(found("authorization,bearer", "Authorization: Bearer k1"), "k1");
  EXPECT_EQ(found("authorization", "Authorization: Basic dTpw"), "");
}

TEST(Credential, IsUserOrPasswordOfBasic) {
  EXPECT_EQ(found("basic-user", "Authorization: Basic azE6"), "k1");
  EXPECT_EQ(found("basic-user", "Authorization: basic  azE6eA=="), "k1");
  EXPECT_EQ(found("basic-password", "Authorization: Basic dTprOmE="), "k:a") << "the first colon separates";
  for (const auto* wrong : {"Basic", "Basic ", "Basic a", "Basic azE", "Basic azE6eA=", "Basic ===="})
    EXPECT_EQ(found("basic-user", std::string("Authorization: ") + wrong), "") << wrong;
}

TEST(Credential, IsAHeader) {
  EXPECT_EQ(found("header:X-Key", "x-key:  k1 "), "k1");
  EXPECT_EQ(found("header:X-Key", "X-Keys: k1\r\nX-Ke: k1"), "");
  EXPECT_EQ(found("header:X-Key", "X-Key:\r\nX-Key: k1"), "k1") << "an empty one counts as none";
  EXPECT_EQ(found("header:X-Key", "X-Key: k1\r\nX-Key: k1"), "k1");
  EXPECT_EQ(found("header:X-Key", "X-Key: k1\r\nX-Key: k2"), "two keys");
  EXPECT_EQ(found("header:X-Key,bearer", "X-Key: k1\r\nX-Key: k2\r\nAuthorization: Bearer k"), "two keys");
}

TEST(Credential, IsAParameterOfTheClientsRequest) {
  const auto* const places = "query:key";
  EXPECT_EQ(found(places, "X-Original-URI: /a?x=1&key=k%2B1&y"), "k+1");
  EXPECT_EQ(found(places, "X-Forwarded-Uri: /a?%6Bey=k+1#key=k2"), "k 1");
  EXPECT_EQ(found(places, "", "/check/a?key=k1"), "k1");
  EXPECT_EQ(found(places, "X-Original-URI: /a", "/check?key=k1"), "") << "the proxy's, not the client's";
  EXPECT_EQ(found(places, "", "/check?keys=k1&key"), "");
  EXPECT_EQ(found(places, "", "/check?key=%"), "");
  EXPECT_EQ(found(places, "", "/check?key=k1&key=k1"), "k1");
  EXPECT_EQ(found(places, "", "/check?key=k1&key=k2"), "two keys");
  // Which of the two the proxy has set is not known.
  EXPECT_EQ(found(places, "X-Original-URI: /a?key=k1\r\nX-Forwarded-Uri: /a?key=k2"), "two keys");
  EXPECT_EQ(found(places, "X-Original-URI: /a?key=k1\r\nX-Forwarded-Uri: /a?key=k1"), "k1");
  EXPECT_EQ(found(places, "X-Original-URI: /a?key=k1\r\nX-Original-URI: /a?key=k2"), "two keys");
}

TEST(Credential, IsACookie) {
  EXPECT_EQ(found("cookie:s", "Cookie: a=b; s=k1; c=d"), "k1");
  EXPECT_EQ(found("cookie:s", "Cookie: s=\"k=1\""), "k=1");
  EXPECT_EQ(found("cookie:s", "Cookie: a=b\r\nCookie: s=k1"), "k1") << "HTTP/2 splits them";
  EXPECT_EQ(found("cookie:s", "Cookie: S=k1; ss=k1; s"), "");
  EXPECT_EQ(found("cookie:s", "Cookie: s=k1; s=k2"), "two keys");
}

TEST(Credential, IsASubprotocolOfAWebSocket) {
  EXPECT_EQ(found("websocket-protocol:key", "Sec-WebSocket-Protocol: chat, key, k1"), "k1");
  EXPECT_EQ(found("websocket-protocol:key", "Sec-WebSocket-Protocol: key.k1, chat"), "k1");
  EXPECT_EQ(found("websocket-protocol:key", "Sec-WebSocket-Protocol: key\r\nSec-WebSocket-Protocol: k1"),
            "k1");
  EXPECT_EQ(found("websocket-protocol:key", "Sec-WebSocket-Protocol: chat, keys.k1, key"), "");
  EXPECT_EQ(found("websocket-protocol:key", "Sec-WebSocket-Protocol: key, k1, key.k2"), "two keys");
}

TEST(Credential, RefusesPlacesThatDoNotExist) {
  for (const auto* list : {"", ",", "bearer,", ",bearer", "Bearer", "header", "header:", "header:a b",
                           "bearer:x", "cookie:a;b", "query:", "body:key"})
    EXPECT_THROW(CredentialPlaces{list}, std::invalid_argument) << list;
  EXPECT_NO_THROW(CredentialPlaces("bearer, header:X-Key"));
}

}  // namespace revoked::net::credential_test
