#include "cache/library/decision_text.hpp"

#include <algorithm>
#include <string_view>

namespace revoked::library {
namespace {

using cache::CachedDecision;
using State = cache::Decision::State;

constexpr const char* reasons[] = {"unavailable", "allowed",   "missing", "unknown", "revoked",
                                   "expired",     "suspended", "locked",  "stale",   "undecided"};

// The ids take at most this, each with its NUL.
constexpr std::size_t ids_size = engine::max_key_id_size + 1 + 3 * (engine::max_owner_id_size + 1);
static_assert(ids_size < REVOKED_TEXT_SIZE / 2);

// Appends texts to the structure's own.
class TextWriter {
 public:
  explicit TextWriter(revoked_decision& decision)
      : at_(decision.text), end_(decision.text + sizeof decision.text) {}

  std::size_t room() const { return static_cast<std::size_t>(end_ - at_) - 1; }
  const char* add(std::string_view text) {
    char* const begin = at_;
    at_ = std::copy_n(text.data(), std::min(text.size(), room()), at_);
    if (at_ + 1 < end_)
      *at_++ = '\0';
    else
      *at_ = '\0';
    return begin;
  }

 private:
  char* at_;
  char* const end_;
};

// As many whole permissions as there is room for.
std::string_view fitting(std::string_view permissions, std::size_t room) {
  if (permissions.size() <= room) return permissions;
  const auto space = permissions.substr(0, room + 1).rfind(' ');
  return permissions.substr(0, space == permissions.npos ? 0 : space);
}

}  // namespace

bool is_whole(const revoked_decision* decision) {
  return decision != nullptr && decision->size >= sizeof *decision;
}

void set_result(revoked_decision& decision, revoked_result result) {
  decision.result = result;
  decision.reason = reasons[result];
}

void clear(revoked_decision& decision) {
  set_result(decision, REVOKED_UNAVAILABLE);
  decision.is_stale = 0;
  decision.expires_at = 0;
  decision.epoch = decision.sequence = 0;
  decision.permissions_are_cut = decision.reserved = 0;
  decision.text[0] = '\0';
  decision.key_id = decision.user = decision.application = decision.workspace = decision.permissions =
      decision.text;
}

revoked_result result_of(const cache::Gateway::Verdict& verdict) {
  if (!verdict.decision) return verdict.stale ? REVOKED_STALE : REVOKED_UNAVAILABLE;
  switch (verdict.decision->state) {
    case State::active:
      return REVOKED_ALLOW;
    case State::revoked:
      return REVOKED_REVOKED;
    case State::expired:
      return REVOKED_EXPIRED;
    case State::suspended:
      return REVOKED_SUSPENDED;
    case State::locked:
      return REVOKED_LOCKED;
    case State::unknown:
      break;
  }
  return REVOKED_UNKNOWN;
}

void write(const cache::Gateway::Verdict& verdict, revoked_result result, revoked_decision& decision) {
  set_result(decision, result);
  decision.is_stale = verdict.stale ? 1 : 0;
  if (!verdict.decision) return;
  const auto& found = *verdict.decision;
  decision.epoch = found.as_of.epoch;
  decision.sequence = found.as_of.sequence;
  TextWriter text(decision);
  cache::IdBuffer buffer;
  decision.key_id = text.add(found.key_id(buffer));
  decision.user = text.add(found.owner(engine::Scope::user, buffer));
  decision.application = text.add(found.owner(engine::Scope::application, buffer));
  decision.workspace = text.add(found.owner(engine::Scope::workspace, buffer));
  decision.permissions = text.add({});
  if (result != REVOKED_ALLOW) return;
  if (found.expires_at != CachedDecision::never) decision.expires_at = found.expires_at;
  const auto permissions = fitting(found.permissions(), text.room());
  decision.permissions_are_cut = permissions.size() < found.permissions().size() ? 1 : 0;
  decision.permissions = text.add(permissions);
}

}  // namespace revoked::library
