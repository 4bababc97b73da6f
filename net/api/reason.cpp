#include "net/api/reason.hpp"

namespace revoked::net {

Fault read_with_reason(Members& members, std::string_view json, std::span<const MemberForm> forms) {
  if (auto fault = members.read_optional(json, forms)) return fault;
  const auto* const reason = members.find("reason");
  if (reason == nullptr || reason->text.size() <= engine::max_reason_size) return {};
  return wrong_value("reason", forms);
}

Fault read_reason(const Call& call, Members& members, std::span<const MemberForm> forms,
                  std::string& reason) {
  if (auto fault = read_with_reason(members, call.request().body, forms)) return fault;
  const auto* const given = call.query.find("reason");
  if (given != nullptr && members.find("reason") != nullptr)
    return {"invalid_field", "reason", "reason is given twice: in the query and in the body"};
  reason = given != nullptr ? *given : members.text_or_empty("reason");
  return {};
}

Fault read_reason(const Call& call, std::string& reason) {
  Members members;
  return read_reason(call, members, reason_forms, reason);
}

}  // namespace revoked::net
