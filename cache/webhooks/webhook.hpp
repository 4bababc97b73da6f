#pragma once
// A webhook as configured, and the signature of what is sent to it (Standard Webhooks 1.0). Constant.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/webhooks/webhook_events.hpp"

namespace revoked::cache {

struct Webhook {
  std::string url;
  std::string ca_file;  // of an https URL; empty: the system's
  bool is_encrypted = false;
  std::string host;
  std::uint16_t port = 80;
  std::string target;  // path and query
  std::vector<std::string>
      secrets;  // decoded; each signs, so that a receiver may be given the next one first
  WebhookEventSet events;
  // How long before its expiry a key is key.expiring; none: default_expiring_before.
  std::optional<std::chrono::milliseconds> expiring_before;
  static constexpr std::chrono::days default_expiring_before{7};

  // Where it is, without the path, which may hold a secret: for logs and answers.
  std::string origin() const;
};

// Sets the members that follow from `url`. False: it is not http[s]://HOST[:PORT][/PATH].
bool set_url(Webhook& hook, std::string_view url);

// whsec_ and base64 of 24 to 64 bytes. Empty: it is anything else.
std::optional<std::string> decode_webhook_secret(std::string_view text);

// The request with `body`, signed at `now_s` (Unix seconds).
std::string webhook_request(const Webhook& hook, std::string_view id, std::int64_t now_s,
                            std::string_view body);

}  // namespace revoked::cache
