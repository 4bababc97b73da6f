#include "cache/webhooks/webhook.hpp"

#include <algorithm>

#include "cache/wire/endpoint.hpp"
#include "engine/base/base64url.hpp"
#include "engine/base/digest.hpp"

namespace revoked::cache {
namespace {

constexpr std::string_view scheme = "http://";
constexpr std::string_view encrypted_scheme = "https://";

// RFC 4648, section 4.
std::string encode_base64(std::string_view bytes) {
  auto text = engine::encode_base64url(bytes);
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  while (text.size() % 4 != 0) text.push_back('=');
  return text;
}

std::string signatures(const Webhook& hook, std::string_view signed_text) {
  std::string all;
  for (const auto& secret : hook.secrets) {
    const auto mac = engine::hmac_sha256(secret, signed_text);
    if (!all.empty()) all.push_back(' ');
    all.append("v1,").append(encode_base64({reinterpret_cast<const char*>(mac.data()), mac.size()}));
  }
  return all;
}

}  // namespace

std::string Webhook::origin() const {
  return std::string(is_encrypted ? encrypted_scheme : scheme) + format_endpoint(host, port);
}

bool set_url(Webhook& hook, std::string_view url) {
  const auto is_plain = [](char c) { return c > ' ' && c < 0x7f; };
  hook.is_encrypted = url.starts_with(encrypted_scheme);
  if (!hook.is_encrypted && !url.starts_with(scheme)) return false;
  if (!std::ranges::all_of(url, is_plain) || url.find('#') != url.npos) return false;
  auto rest = url.substr(hook.is_encrypted ? encrypted_scheme.size() : scheme.size());
  const auto end = std::min(rest.find_first_of("/?"), rest.size());
  hook.port = hook.is_encrypted ? 443 : 80;
  if (end == 0 || !parse_endpoint(rest.substr(0, end), hook.host, hook.port)) return false;
  hook.url = url;
  hook.target = rest.substr(end);
  if (!hook.target.starts_with('/')) hook.target.insert(0, "/");
  return true;
}

std::optional<std::string> decode_webhook_secret(std::string_view text) {
  constexpr std::string_view prefix = "whsec_";
  if (!text.starts_with(prefix)) return {};
  auto secret = engine::decode_base64(text.substr(prefix.size()));
  if (!secret || secret->size() < 24 || secret->size() > 64) return {};
  return secret;
}

std::string webhook_request(const Webhook& hook, std::string_view id, std::int64_t now_s,
                            std::string_view body) {
  const auto timestamp = std::to_string(now_s);
  std::string signed_text(id);
  signed_text.append(".").append(timestamp).append(".").append(body);
  std::string request = "POST ";
  request.append(hook.target).append(" HTTP/1.1\r\nHost: ").append(format_endpoint(hook.host, hook.port));
  request.append("\r\nUser-Agent: revoked\r\nContent-Type: application/json\r\nwebhook-id: ");
  request.append(id).append("\r\nwebhook-timestamp: ").append(timestamp);
  request.append("\r\nwebhook-signature: ").append(signatures(hook, signed_text));
  request.append("\r\nContent-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  return request;
}

}  // namespace revoked::cache
