#pragma once
// The events that webhooks can be told, and their bodies: {"type":…,"timestamp":…,"data":{…}}. Constant; any
// thread.

#include <array>
#include <bitset>
#include <optional>
#include <string>
#include <string_view>

#include "cache/feed/gateway_registry.hpp"
#include "engine/engine.hpp"
#include "engine/model/event.hpp"

namespace revoked::cache {

struct WebhookEvent {
  std::string_view name;
  std::optional<engine::EventType> type{};  // in the journal; none: it is from elsewhere
  std::optional<engine::Field> with{};      // only those that have it: told besides the plain one
};
// To add one from the journal: a line here, and what is special about its body in webhook_message().
inline constexpr std::array webhook_events = {
    WebhookEvent{"key.revoked", engine::EventType::key_revoked},
    WebhookEvent{"owner.revoked", engine::EventType::owner_revoked},
    WebhookEvent{"key.exposed", engine::EventType::key_revoked, engine::Field::exposed},
    WebhookEvent{"key.used_after_revocation", engine::EventType::key_used_after_revocation},
    WebhookEvent{"key.expiring"},
    WebhookEvent{"key.expired"},
    WebhookEvent{"gateway.stale"},
};
inline constexpr std::size_t gateway_stale_event = webhook_events.size() - 1;
inline constexpr std::size_t key_expired_event = gateway_stale_event - 1;
inline constexpr std::size_t key_expiring_event = key_expired_event - 1;
static_assert(webhook_events[gateway_stale_event].name == "gateway.stale");
static_assert(webhook_events[key_expired_event].name == "key.expired");
static_assert(webhook_events[key_expiring_event].name == "key.expiring");
inline constexpr std::array expiry_events = {key_expiring_event, key_expired_event};  // expiry_tracker.hpp

using WebhookEventSet = std::bitset<webhook_events.size()>;

std::optional<std::size_t> webhook_event_of(std::string_view name);
// Whether an event of the journal is told as `event`. One may be told as several, each by itself.
bool is_told_as(std::size_t event, const engine::EventView& view);

// What is sent: the id is the same whenever the same event is sent again.
struct WebhookMessage {
  std::string id;
  std::string body;
};
WebhookMessage webhook_message(const engine::Engine& engine, engine::Sequence sequence, std::size_t event,
                               const engine::EventView& view);
// `event` is one of expiry_events. The same key with another expiry is another event.
WebhookMessage expiry_message(const engine::Engine& engine, std::size_t event,
                              const engine::KeyDescription& key);
WebhookMessage gateway_stale_message(const GatewayRegistry::Gateway& gateway);
WebhookMessage test_message();

}  // namespace revoked::cache
