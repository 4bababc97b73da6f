#include "net/http/problem.hpp"

#include <string>

#include "engine/model/json_writer.hpp"

namespace revoked::net {

using engine::errc;

void send_problem(Response& response, unsigned status, std::string_view code, std::string_view detail,
                  std::string_view extra_members) {
  std::string body;
  engine::JsonWriter json(body);
  json.open('{')
      .field("type", "urn:revoked:problem:" + std::string(code))
      .field("title", reason_phrase(status))
      .field("status", std::uint64_t{status})
      .field("code", code)
      .field("detail", detail)
      .members(extra_members)
      .close('}');
  if (status == 503) response.header("Retry-After", "1");
  // Where the request framing is not reliable any more, the connection ends.
  if (status == 400 && code == "bad_request") response.close_after();
  if (status == 413 || status == 414 || status == 431 || status == 505) response.close_after();
  response.send(status, "application/problem+json", body);
}

ProblemKind problem_kind(boost::system::error_code error) {
  if (error.category() != engine::category()) return {500, "internal_error"};
  switch (static_cast<errc>(error.value())) {
    case errc::not_found:
      return {404, "key_not_found"};
    case errc::already_exists:
      return {409, "already_exists"};
    case errc::already_revoked:
      return {409, "already_revoked"};
    case errc::not_active:
      return {409, "not_active"};
    case errc::invalid_key_id:
      return {400, "invalid_key_id"};
    case errc::invalid_owner_id:
      return {400, "invalid_owner_id"};
    case errc::invalid_field:
      return {400, "invalid_field"};
    case errc::malformed:
      return {400, "malformed"};
    case errc::forbidden:
      return {403, "forbidden"};
    case errc::outlives_caller:
      return {403, "outlives_caller"};
    case errc::too_many_permission_sets:
      return {409, "too_many_permission_sets"};
    case errc::suspended_by_wider:
      return {403, "suspended_by_wider"};
    case errc::locked_by_wider:
      return {403, "locked_by_wider"};
    case errc::out_of_reach:
      return {403, "forbidden"};
    case errc::too_many_locks:
      return {409, "limit_reached"};
    case errc::position_gone:
      return {410, "position_gone"};
    case errc::not_leader:
      return {503, "not_current"};
    case errc::not_ready:
      return {503, "not_ready"};
    case errc::overloaded:
    case errc::not_recalled:
      return {503, "overloaded"};
    case errc::storage_failed:
    case errc::storage_in_use:
    case errc::storage_corrupt:
    case errc::storage_of_other_format:
      return {503, "storage_failed"};
    case errc::unavailable:
    case errc::timed_out:
    case errc::refused:
      return {503, "unavailable"};
  }
  return {500, "internal_error"};
}

void send_problem(Response& response, boost::system::error_code error) {
  const auto [status, code] = problem_kind(error);
  send_problem(response, status, code, error.message());
}

}  // namespace revoked::net
