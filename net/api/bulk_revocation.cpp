// POST /v1/revocations: keys and owners to revoke, one per line.

#include <array>

#include "net/api/asked_key.hpp"
#include "net/api/bulk.hpp"
#include "net/api/kept_texts.hpp"
#include "net/api/reason.hpp"
#include "net/http/json_reader.hpp"

namespace revoked::net {
namespace {

using engine::Scope;

class BulkRevocation final : public Bulk {
 public:
  BulkRevocation(Api& api, const Call& call)
      : Bulk(api, call, engine::Permission::keys_revoke), dry_run_(call.query.is_true("dry_run")) {}

  engine::result<void> process_text(const Line& line, std::string_view text) override {
    std::array<TextMember, 2> members;
    const auto count = read_json_texts(text, members);
    TextMember target;
    std::string_view reason;
    for (const auto& member : std::span(members).first(count ? *count : 0)) {
      auto& place = member.name == "reason" ? reason : target.text;
      if (&place == &target.text) target.name = target.name.empty() ? member.name : "";
      place = member.text;
    }
    if (reason.size() > engine::max_reason_size || !is_target(target)) return fail(line, explain(text));
    return add(line, target, reason);
  }

  void write_counts(engine::JsonWriter& json) const override {
    json.field("revoked", revoked_).field("already_revoked", already_revoked_).field("unknown", unknown_);
    if (dry_run_) json.field("dry_run", true);
  }
  std::string_view expected() const override {
    return "one target per line, such as {\"key_id\":\"...\"}, {\"secret\":\"...\"} or {\"user\":\"...\"}";
  }
  std::string_view what() const override {
    return dry_run_ ? "bulk revocation (dry run)" : "bulk revocation";
  }
  std::string_view verb() const override { return dry_run_ ? "" : "keys.revoked"; }
  std::uint64_t changed_keys() const override { return revoked_; }
  std::uint64_t first_gathered() const override { return gathered_.empty() ? 0 : first_gathered_; }

 private:
  static constexpr std::size_t max_gathered = engine::Engine::max_revocations_together;

  static constexpr MemberForm forms[] = {
      {"key_id", JsonMember::Kind::string, key_id_form},
      {"secret", JsonMember::Kind::string, engine::secret_form},
      {"secret_sha256", JsonMember::Kind::string, digest_form},
      {"user", JsonMember::Kind::string, owner_form},
      {"application", JsonMember::Kind::string, owner_form},
      {"workspace", JsonMember::Kind::string, owner_form},
      {"reason", JsonMember::Kind::string, reason_form},
  };

  static bool is_target(const TextMember& target) {
    if (target.name == "key_id") return engine::is_key_id(target.text);
    if (target.name == "secret") return engine::is_reported_secret(target.text);
    if (target.name == "secret_sha256") return engine::digest_from_text(target.text).has_value();
    return scope_of(target.name) && engine::is_owner_id(target.text);
  }
  static std::optional<Scope> scope_of(std::string_view name) {
    for (const Scope scope : engine::all_scopes) {
      if (name == to_string(scope)) return scope;
    }
    return {};
  }

  // What is wrong with an invalid line.
  static Fault explain(std::string_view text) {
    Members members;
    if (auto fault = read_with_reason(members, text, forms)) return fault;
    const JsonMember* target = nullptr;
    for (const auto& member : members) {
      if (member.name == "reason") continue;
      if (!is_target({member.name, member.text})) return wrong_value(member.name, forms);
      if (target != nullptr)
        return {"invalid_field", member.name, "a line must name one target, this one names several"};
      target = &member;
    }
    return {"invalid_field", {}, "the line does not say what to revoke"};
  }

  engine::result<void> add(const Line& line, const TextMember& target, std::string_view reason) {
    if (const auto scope = scope_of(target.name)) return revoke_owner(*scope, target.text, reason);
    engine::AskedRevocation asked{.key_id = {}, .digest = {}, .reason = texts_.keep(reason)};
    if (target.name == "key_id")
      asked.key_id = texts_.keep(target.text);
    else if (target.name == "secret")
      asked.digest = *api_.engine.digest_of_reported(target.text);
    else
      asked.digest = api_.engine.digester().of_sha256(*engine::digest_from_text(target.text));
    if (gathered_.empty()) first_gathered_ = line.number;
    gathered_.push_back(asked);
    return {};
  }

  // Lines take effect in order.
  engine::result<void> revoke_owner(Scope scope, std::string_view id, std::string_view reason) {
    if (const auto done = process_gathered(); !done) return done;
    std::uint64_t keys = 0;
    if (const auto may = recheck(); !may) return may;
    if (dry_run_) {
      const auto counted = api_.engine.count_revocable(scope, id, caller_);
      if (!counted) return counted.error();
      keys = *counted;
    } else {
      const auto revoked = api_.engine.revoke_owner(scope, id, reason, caller_);
      if (!revoked) return revoked.error();
      keys = revoked->keys;
      reached(revoked->sequence);
    }
    accept(1);
    revoked_ += keys;
    if (keys == 0) ++unknown_;
    return {};
  }

  bool is_full() const override { return gathered_.size() == max_gathered; }
  engine::result<void> process_gathered() override {
    using Outcome = engine::RevokedMany::Outcome;
    if (gathered_.empty()) return {};
    if (const auto may = recheck(); !may) return may;
    const auto revoked = api_.engine.revoke_many(gathered_, dry_run_, caller_);
    if (!revoked) return revoked.error();
    reached(revoked->last);
    accept(gathered_.size());
    for (const auto outcome : revoked->outcomes) {
      ++(outcome == Outcome::revoked           ? revoked_
         : outcome == Outcome::already_revoked ? already_revoked_
                                               : unknown_);
    }
    gathered_.clear();
    texts_.clear();
    recalled_.clear();
    return {};
  }

  const bool dry_run_;
  std::vector<engine::AskedRevocation> gathered_;  // their texts are in texts_
  std::uint64_t first_gathered_ = 0;               // its line number
  KeptTexts texts_;
  std::uint64_t revoked_ = 0;
  std::uint64_t already_revoked_ = 0;
  std::uint64_t unknown_ = 0;
};

}  // namespace

Outcome revoke_in_bulk(Api& api, Call& call) {
  return {0, run_bulk(api, call.exchange, std::make_unique<BulkRevocation>(api, call))};
}

}  // namespace revoked::net
