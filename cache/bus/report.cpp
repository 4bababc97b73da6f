#include "cache/bus/report.hpp"

#include "cache/bus/json_members.hpp"
#include "engine/base/character_set.hpp"
#include "engine/base/text.hpp"
#include "engine/model/json_writer.hpp"

namespace revoked::cache {
namespace {

constexpr std::size_t max_report_bytes = 4096;
constexpr std::uint64_t max_lease_ms = 24 * 3'600'000;

constexpr std::array policies{WhenStale::deny, WhenStale::ask, WhenStale::serve};
constexpr std::array coverages{Coverage::fresh, Coverage::repairing, Coverage::stale};

template <class T, std::size_t N>
bool read_name(ondemand::value value, const std::array<T, N>& all, T& found) {
  std::string_view text;
  if (value.get_string().get(text)) return false;
  for (const auto each : all) {
    if (text != to_string(each)) continue;
    found = each;
    return true;
  }
  return false;
}

bool is_instance(std::string_view id) {
  return id.size() <= max_gateway_instance_size && engine::letters_and_digits.has_all(id);
}

bool read_report(ondemand::object object, Report& report) {
  enum { gateway, instance, number, epoch, sequence, journal, state, when_stale, lease_ms, version, leaving };
  static constexpr std::array<std::string_view, 11> names{"gateway",  "instance", "number", "epoch",
                                                          "sequence", "journal",  "state",  "when_stale",
                                                          "lease_ms", "version",  "leaving"};
  std::uint64_t lease = 0;
  unsigned seen;
  const bool read = read_members(object, names, seen, [&](std::size_t i, ondemand::value member) {
    switch (i) {
      case gateway:
        return read_text(member, report.gateway);
      case instance:
        return read_text(member, report.instance);
      case number:
        return read_number(member, report.number);
      case epoch:
        return read_number(member, report.applied.epoch);
      case sequence:
        return read_number(member, report.applied.sequence);
      case journal:
        return read_random_id(member, report.journal);
      case state:
        return read_name(member, coverages, report.coverage);
      case when_stale:
        return read_name(member, policies, report.when_stale);
      case lease_ms:
        return read_number(member, lease);
      case version:
        return read_text(member, report.version);
      default:
        return !member.get_bool().get(report.is_leaving);
    }
  });
  if (!read || !has(seen, gateway, epoch, sequence) || lease > max_lease_ms) return false;
  report.lease = std::chrono::milliseconds(lease);
  return is_gateway_name(report.gateway) && is_instance(report.instance) && report.applied.epoch >= 1 &&
         report.version.size() <= max_gateway_version_size && engine::is_printable_utf8(report.version);
}

}  // namespace

std::string_view to_string(WhenStale policy) {
  switch (policy) {
    case WhenStale::deny:
      return "deny";
    case WhenStale::ask:
      return "ask";
    case WhenStale::serve:
      break;
  }
  return "serve";
}

std::string_view to_string(Coverage coverage) {
  switch (coverage) {
    case Coverage::fresh:
      return "current";
    case Coverage::repairing:
      return "repairing";
    case Coverage::stale:
      break;
  }
  return "stale";
}

bool is_gateway_name(std::string_view name) {
  return !name.empty() && name.size() <= max_gateway_name_size && engine::is_printable_utf8(name);
}

std::string encode_report(const Report& report) {
  std::string text;
  engine::JsonWriter json(text);
  json.open('{').field("gateway", std::string_view(report.gateway));
  json.optional_field("instance", report.instance);
  if (report.number != 0) json.field("number", report.number);
  json.field("epoch", report.applied.epoch).field("sequence", report.applied.sequence);
  json.optional_field("journal", report.journal).field("state", to_string(report.coverage));
  json.field("when_stale", to_string(report.when_stale));
  json.field("lease_ms", static_cast<std::uint64_t>(report.lease.count()));
  json.optional_field("version", report.version);
  if (report.is_leaving) json.field("leaving", true);
  json.close('}');
  return text;
}

engine::result<Report> decode_report(std::string_view json) {
  return decode_document<Report>(json, max_report_bytes, read_report);
}

}  // namespace revoked::cache
