#include "cache/bus/usage.hpp"

#include <algorithm>

#include "cache/bus/json_members.hpp"
#include "cache/bus/report.hpp"
#include "engine/base/text.hpp"
#include "engine/model/json_writer.hpp"

namespace revoked::cache {
namespace {

namespace ip = boost::asio::ip;
using engine::DeniedUse;
using engine::KeyUse;
using engine::Usage;

constexpr std::uint64_t max_attempts = std::uint64_t{1} << 48;  // sums of many do not overflow
constexpr unsigned v4_bits = 24;
constexpr unsigned v6_bits = 48;

bool is_batch_id(std::string_view text) {
  return !text.empty() && text.size() <= max_batch_id_size && engine::is_printable_utf8(text);
}

bool read_key_id(ondemand::value value, std::string& key_id) {
  return read_text(value, key_id) && engine::is_key_id(key_id);
}

bool read_uses_of_minute(ondemand::value value, std::vector<KeyUse>& uses) {
  enum { at, key_ids };
  static constexpr std::array<std::string_view, 2> names{"at", "key_ids"};
  ondemand::object object;
  if (value.get_object().get(object)) return false;
  const auto first = uses.size();
  engine::UnixMs time = 0;
  unsigned seen;
  const bool read = read_members(object, names, seen, [&](std::size_t i, ondemand::value member) {
    if (i == at) return read_time(member, time);
    return read_items(member, [&](ondemand::value each) {
      return uses.size() < max_reported_keys && read_key_id(each, uses.emplace_back().key_id);
    });
  });
  for (auto use = first; use < uses.size(); ++use) uses[use].minute = engine::minute_of(time);
  return read && has(seen, at, key_ids);
}

bool read_denied_use(ondemand::value value, DeniedUse& use) {
  enum { key_id, count, first_at, last_at, address };
  static constexpr std::array<std::string_view, 5> names{"key_id", "count", "first_at", "last_at", "address"};
  ondemand::object object;
  if (value.get_object().get(object)) return false;
  auto& attempts = use.attempts;
  unsigned seen;
  const bool read = read_members(object, names, seen, [&](std::size_t i, ondemand::value member) {
    switch (i) {
      case key_id:
        return read_key_id(member, use.key_id);
      case count:
        return read_number(member, attempts.count) && attempts.count <= max_attempts;
      case first_at:
        return read_time(member, attempts.first_at);
      case last_at:
        return read_time(member, attempts.last_at);
      default:
        return read_text(member, use.address) && is_network(use.address);
    }
  });
  return read && has(seen, key_id, count, first_at, last_at) && attempts.count != 0 &&
         attempts.first_at <= attempts.last_at;
}

bool read_usage(ondemand::object object, Usage& usage) {
  enum { gateway, batch, uses, denied, dropped, epoch, sequence };
  static constexpr std::array<std::string_view, 7> names{"gateway", "batch", "uses",    "denied",
                                                         "dropped", "epoch", "sequence"};
  unsigned seen;
  const bool read = read_members(object, names, seen, [&](std::size_t i, ondemand::value member) {
    switch (i) {
      case gateway:
        return read_text(member, usage.gateway) && is_gateway_name(usage.gateway);
      case batch:
        return read_text(member, usage.batch) && is_batch_id(usage.batch);
      case uses:
        return read_items(member,
                          [&](ondemand::value each) { return read_uses_of_minute(each, usage.uses); });
      case denied:
        return read_items(member, [&](ondemand::value each) {
          return usage.denied.size() < max_reported_keys &&
                 read_denied_use(each, usage.denied.emplace_back());
        });
      case dropped:
        return read_number(member, usage.dropped) && usage.dropped <= max_attempts;
      default:
        return false;
    }
  });
  return read && has(seen, gateway, batch);
}

}  // namespace

std::string encode_usage(const Usage& usage) {
  std::string text;
  engine::JsonWriter json(text);
  json.open('{').field("gateway", std::string_view(usage.gateway));
  json.field("batch", std::string_view(usage.batch)).key("uses").open('[');
  for (auto use = usage.uses.begin(); use != usage.uses.end();) {
    const auto minute = use->minute;
    json.open('{').key("at").time(engine::start_of(minute)).key("key_ids").open('[');
    for (; use != usage.uses.end() && use->minute == minute; ++use) json.value(std::string_view(use->key_id));
    json.close(']').close('}');
  }
  json.close(']').key("denied").open('[');
  for (const auto& [key_id, attempts, address] : usage.denied) {
    json.open('{').field("key_id", std::string_view(key_id)).field("count", attempts.count);
    json.key("first_at").time(attempts.first_at).key("last_at").time(attempts.last_at);
    json.optional_field("address", address).close('}');
  }
  json.close(']').field("dropped", usage.dropped).close('}');
  return text;
}

bool may_be_usage(std::string_view json) { return json.find("\"batch\"") != std::string_view::npos; }

engine::result<Usage> decode_usage(std::string_view json) {
  return decode_document<Usage>(json, max_usage_bytes, read_usage);
}

ip::address read_address(std::string_view text) {
  if (text.starts_with('[')) {  // an IPv6 address with a port
    text.remove_prefix(1);
    text = text.substr(0, text.find(']'));
  } else if (std::ranges::count(text, ':') == 1) {
    text = text.substr(0, text.find(':'));
  }
  boost::system::error_code failed;
  auto address = ip::make_address(text, failed);
  if (failed) return {};
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  return address;
}

std::string network_of(const ip::address& address) {
  if (address.is_v4()) {
    auto bytes = address.to_v4().to_bytes();
    std::fill(bytes.begin() + v4_bits / 8, bytes.end(), std::uint8_t{0});
    return ip::address_v4(bytes).to_string() + "/" + std::to_string(v4_bits);
  }
  auto bytes = address.to_v6().to_bytes();
  std::fill(bytes.begin() + v6_bits / 8, bytes.end(), std::uint8_t{0});
  return ip::address_v6(bytes).to_string() + "/" + std::to_string(v6_bits);
}

bool is_network(std::string_view text) {
  const auto address = read_address(text.substr(0, text.find('/')));
  return !address.is_unspecified() && text == network_of(address);
}

}  // namespace revoked::cache
