// Bulk: keys to import and keys to revoke, as lines of JSON (NDJSON) in a body of any length. Memory stays
// bounded: a piece of the body, what one turn takes, and the first failures.

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>
#include <vector>

#include "cache/json_writer.hpp"
#include "net/api.hpp"
#include "net/asked_key.hpp"
#include "net/authority.hpp"
#include "net/content.hpp"
#include "net/json_reader.hpp"
#include "net/kept_texts.hpp"
#include "net/line_reader.hpp"
#include "net/log.hpp"
#include "net/network_thread.hpp"
#include "net/problem.hpp"

namespace revoked::net {
namespace {

using cache::JsonWriter;
using engine::errc;
using engine::Scope;
using Line = LineReader::Line;

constexpr std::size_t max_failures_told = 1000;
const Fault too_long{"line_too_long", {}, "a line has at most 65536 bytes"};
// How far a bulk runs ahead of the disk: others have to come in between, and wait for what it has written.
constexpr engine::Sequence max_lead = 2 * engine::Journal::max_batch_events;
// The same while others revoke one by one: what they wait for, and what their gateways have to take in first.
constexpr engine::Sequence max_lead_beside_others = 256;
// Beside others it also rests as long as each turn takes, up to this long: the engine, the bus and the
// gateways have half of their time for them.
constexpr std::chrono::milliseconds longest_rest{20};
// How often the log tells how far a bulk has got.
constexpr std::chrono::seconds tell_every{2};

class Bulk {
 public:
  Bulk(Api& api, const Call& call, engine::Permission permission)
      : api_(api),
        principal_(call.principal),
        caller_{principal_.actor,  call.request().remote_address, call.request().id,
                &principal_.reach, principal_.actor_kind,         &principal_},
        authority_(api.authenticator, call.dialect.present(call.request()), permission) {}
  virtual ~Bulk() = default;
  Bulk(const Bulk&) = delete;
  Bulk& operator=(const Bulk&) = delete;

  // For the log.
  virtual std::string_view what() const = 0;
  // What a line may be, for people.
  virtual std::string_view taken() const = 0;
  virtual std::uint64_t changed_keys() const = 0;
  void tell(std::string_view how_far, std::uint64_t lines) const {
    static LogLimit limit;
    log(limit, engine::Asker::of(caller_.actor, caller_.actor_kind, caller_.reach), Level::info,
        std::string(what()).append(" ").append(how_far),
        {{"lines", std::to_string(lines)},
         {"accepted", std::to_string(accepted_)},
         {"keys", std::to_string(changed_keys())},
         {"failed", std::to_string(failed_count_)},
         {"actor", caller_.actor},
         {"actor_kind", to_string(caller_.actor_kind)},
         {"request_id", caller_.request_id}});
  }

  // Takes a line, or with null finishes what has gathered. A line that fails is counted; an error is about
  // all of it, the line was not taken, and may be given again. errc::refused: the caller may not go on.
  virtual engine::result<void> take(const Line* line) = 0;
  virtual void write_counts(JsonWriter& json) const = 0;
  // The number of the first line that has gathered and is not done. 0: none.
  virtual std::uint64_t first_gathered() const = 0;

  std::chrono::steady_clock::time_point turn_began = std::chrono::steady_clock::now();

  // For each piece and each turn: what is begun under one authority must not end under another.
  engine::result<void> look_again() {
    if (authority_.look_again() == Authority::Standing::good) return {};
    return errc::refused;
  }
  Authority::Standing standing() const { return authority_.standing(); }

  // There were lines, and what none of them means is known.
  bool is_not_understood() const { return failed_count_ != 0 && !understood_; }
  engine::Sequence last() const { return last_; }
  void write(JsonWriter& json) const {
    json.open('{');
    write_members(json);
    json.close('}');
  }
  void write_members(JsonWriter& json) const {
    json.field("accepted", accepted_);
    write_counts(json);
    json.key("failed").open('[');
    // What has gathered fails later than the lines around it.
    auto failed = failed_;
    std::ranges::sort(failed, {}, &Failure::line);
    for (const auto& [line, fault] : failed) write_failure(json, line, fault);
    json.close(']').field("failed_count", failed_count_);
    json.field("position", to_string(position()));
  }
  engine::Position position() const {
    return api_.engine.position_of(last_ != 0 ? last_ : api_.engine.durable());
  }

 protected:
  // A line that cannot be understood, or that is refused all the same.
  engine::result<void> fail(const Line& line, Fault fault) {
    ++failed_count_;
    if (failed_.size() < max_failures_told) failed_.push_back({line.number, std::move(fault)});
    return {};
  }
  engine::result<void> refuse(const Line& line, std::string_view code) {
    understood_ = true;
    return fail(line, {code, {}, {}});
  }
  void accept(std::uint64_t lines) {
    accepted_ += lines;
    understood_ = understood_ || lines != 0;
  }
  static bool is_blank(const Line& line) {
    return !line.too_long && line.text.find_first_not_of(" \t\r") == std::string_view::npos;
  }
  std::uint64_t accepted() const { return accepted_; }
  void reached(engine::Sequence sequence) { last_ = std::max(last_, sequence); }

  Api& api_;
  const engine::Principal principal_;
  const engine::Caller caller_;
  Authority authority_;

 private:
  struct Failure {
    std::uint64_t line;
    Fault fault;
  };
  static void write_failure(JsonWriter& json, std::uint64_t line, const Fault& fault) {
    json.open('{').field("line", line).field("code", fault.code);
    json.optional_field("member", fault.member).optional_field("detail", fault.detail).close('}');
  }

  std::uint64_t accepted_ = 0;
  bool understood_ = false;
  engine::Sequence last_ = 0;
  std::uint64_t failed_count_ = 0;
  std::vector<Failure> failed_;
};

class Import final : public Bulk {
 public:
  Import(Api& api, const Call& call) : Bulk(api, call, engine::Permission::keys_create) {}

  engine::result<void> take(const Line* line) override {
    if (line == nullptr || gathered_.size() == max_gathered) {
      if (const auto done = create_gathered(); !done) return done;
      if (line == nullptr) return {};
    }
    if (is_blank(*line)) return {};
    if (line->too_long) return fail(*line, too_long);
    const auto text = without_bom(line->text);
    if (!read_plain_key(asked_, text, api_.engine, principal_)) {
      if (auto fault = read_asked_record(asked_, text, api_.engine, principal_))
        return fail(*line, std::move(fault));
    }
    // Nobody could ever be told a secret that we made here.
    if (!asked_.has_secret)
      return fail(*line, {"secret_missing", "secret", "an imported key has a secret or secret_sha256"});
    if (!has_share_left(api_, asked_.key)) return refuse(*line, "limit_reached");
    if (texts_.bytes() >= max_texts_bytes) {
      if (const auto done = create_gathered(); !done) return done;
    }
    keep(line->number);
    return {};
  }
  void write_counts(JsonWriter& json) const override { json.field("created", accepted()); }
  std::string_view what() const override { return "import"; }
  std::string_view taken() const override {
    return "one key a line, such as {\"user\":\"ann\",\"secret\":\"...\"}";
  }
  std::uint64_t changed_keys() const override { return accepted(); }
  std::uint64_t first_gathered() const override { return numbers_.empty() ? 0 : numbers_.front(); }

 private:
  static constexpr std::size_t max_gathered = engine::Engine::max_creations_together;
  // So much is enough for a turn, even if fewer keys than that have gathered.
  static constexpr std::size_t max_texts_bytes = 2 * max_line_bytes;

  // What has been read views the line and the parser.
  void keep(std::uint64_t number) {
    auto& key = gathered_.emplace_back(asked_.key);
    for (auto* const text : {&key.key_id, &key.owners[0], &key.owners[1], &key.owners[2], &key.name,
                             &key.permissions, &key.metadata, &key.reason}) {
      *text = texts_.keep(*text);
    }
    numbers_.push_back(number);
  }

  engine::result<void> create_gathered() {
    if (gathered_.empty()) return {};
    if (const auto may = look_again(); !may) return may;
    if (is_storage_full(api_)) return refuse_gathered("storage_full");
    const auto created = api_.engine.create_many(gathered_, caller_);
    if (!created) return created.error();
    reached(created->last);
    for (std::size_t i = 0; i < gathered_.size(); ++i) {
      const auto& error = created->errors[i];
      if (!error)
        accept(1);
      else if (const auto failed = refuse({{}, numbers_[i]}, problem_kind(error).code); !failed)
        return failed;
    }
    forget_gathered();
    return {};
  }

  engine::result<void> refuse_gathered(std::string_view code) {
    for (const auto number : numbers_) {
      if (const auto failed = refuse({{}, number}, code); !failed) return failed;
    }
    forget_gathered();
    return {};
  }

  void forget_gathered() {
    gathered_.clear();
    numbers_.clear();
    texts_.clear();
  }

  AskedKey asked_;
  std::vector<engine::NewKey> gathered_;  // their texts lie in texts_
  std::vector<std::uint64_t> numbers_;    // of their lines
  KeptTexts texts_;
};

class BulkRevocation final : public Bulk {
 public:
  BulkRevocation(Api& api, const Call& call)
      : Bulk(api, call, engine::Permission::keys_revoke), dry_run_(call.query.is_true("dry_run")) {}

  engine::result<void> take(const Line* line) override {
    if (line == nullptr || gathered_.size() == max_gathered) {
      if (const auto done = revoke_gathered(); !done) return done;
      if (line == nullptr) return {};
    }
    if (is_blank(*line)) return {};
    if (line->too_long) return fail(*line, too_long);
    const auto text = without_bom(line->text);
    std::array<TextMember, 2> members;
    const auto count = read_json_texts(text, members);
    TextMember target;
    std::string_view reason;
    for (const auto& member : std::span(members).first(count ? *count : 0)) {
      auto& place = member.name == "reason" ? reason : target.text;
      if (&place == &target.text) target.name = target.name.empty() ? member.name : "";
      place = member.text;
    }
    if (reason.size() > engine::max_reason_size || !is_target(target)) return fail(*line, explain(text));
    return add(*line, target, reason);
  }

  void write_counts(JsonWriter& json) const override {
    json.field("revoked", revoked_).field("already_revoked", already_revoked_).field("unknown", unknown_);
    if (dry_run_) json.field("dry_run", true);
  }
  std::string_view taken() const override {
    return "one target a line, such as {\"key_id\":\"...\"}, {\"secret\":\"...\"} or {\"user\":\"...\"}";
  }
  std::string_view what() const override {
    return dry_run_ ? "bulk revocation (dry run)" : "bulk revocation";
  }
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
    if (target.name == "secret") return engine::is_secret(engine::reported_secret(target.text));
    if (target.name == "secret_sha256") return engine::digest_from_text(target.text).has_value();
    return scope_of(target.name) && engine::is_owner_id(target.text);
  }
  static std::optional<Scope> scope_of(std::string_view name) {
    for (const Scope scope : engine::all_scopes) {
      if (name == to_string(scope)) return scope;
    }
    return {};
  }

  // What is wrong with a line that is not good.
  static Fault explain(std::string_view text) {
    Members members;
    if (auto fault = read_with_reason(members, text, forms)) return fault;
    const JsonMember* target = nullptr;
    for (const auto& member : members) {
      if (member.name == "reason") continue;
      if (!is_target({member.name, member.text})) return wrong_value(member, forms);
      if (target != nullptr)
        return {"invalid_field", member.name, "a line names one target, and this one names several"};
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
      asked.digest = api_.engine.digester()(engine::reported_secret(target.text));
    else
      asked.digest = api_.engine.digester().of_sha256(*engine::digest_from_text(target.text));
    if (gathered_.empty()) first_gathered_ = line.number;
    gathered_.push_back(asked);
    return {};
  }

  // Lines take effect in their order.
  engine::result<void> revoke_owner(Scope scope, std::string_view id, std::string_view reason) {
    if (const auto done = revoke_gathered(); !done) return done;
    std::uint64_t keys = 0;
    if (const auto may = look_again(); !may) return may;
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

  engine::result<void> revoke_gathered() {
    using Outcome = engine::RevokedMany::Outcome;
    if (gathered_.empty()) return {};
    if (const auto may = look_again(); !may) return may;
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
    return {};
  }

  const bool dry_run_;
  std::vector<engine::AskedRevocation> gathered_;  // their texts lie in texts_
  std::uint64_t first_gathered_ = 0;               // the number of its line
  KeptTexts texts_;
  std::uint64_t revoked_ = 0;
  std::uint64_t already_revoked_ = 0;
  std::uint64_t unknown_ = 0;
};

// Gives the line again for as long as too much waits for the disk.
Task<boost::system::error_code> take(Api& api, NetworkThread& thread, Bulk& bulk, const Line* line) {
  while (true) {
    const auto taken = bulk.take(line);
    if (taken) co_return boost::system::error_code();
    if (taken.error() != errc::overloaded) co_return taken.error();
    if (!co_await thread.durable(api.engine.applied())) co_return errc::storage_failed;
  }
}

// Tells the log how far a bulk has got, now and then, and how it ended.
class Progress {
 public:
  explicit Progress(const Bulk& bulk) : bulk_(bulk) {}
  ~Progress() {
    if (!ended_) bulk_.tell("broken off", lines_);
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  std::uint64_t lines() const { return lines_; }
  void taken(std::uint64_t line) { lines_ = line; }
  void tell_now_and_then() {
    const auto now = std::chrono::steady_clock::now();
    if (now - told_ < tell_every) return;
    told_ = now;
    bulk_.tell("under way", lines_);
  }
  void end() {
    ended_ = true;
    bulk_.tell("done", lines_);
  }

 private:
  const Bulk& bulk_;
  std::chrono::steady_clock::time_point told_ = std::chrono::steady_clock::now();
  std::uint64_t lines_ = 0;
  bool ended_ = false;
};

// Between two turns of a bulk: what waits for the disk stays bounded, and the others on this thread have
// theirs.
Task<bool> give_way(Api& api, NetworkThread& thread, Bulk& bulk) {
  const bool beside_others = api.pace->is_just_now();
  const auto lead = beside_others ? max_lead_beside_others : max_lead;
  if (bulk.last() > lead && !co_await thread.durable(bulk.last() - lead)) co_return false;
  const auto now = std::chrono::steady_clock::now();
  if (beside_others) {
    cache::Timer rest(thread.executor());
    rest.expires_after(std::min<std::chrono::nanoseconds>(now - bulk.turn_began, longest_rest));
    co_await rest.async_wait(cache::asio::use_awaitable_t<cache::Executor>());
  } else {
    co_await cache::asio::post(thread.executor(), cache::asio::use_awaitable_t<cache::Executor>());
  }
  bulk.turn_began = std::chrono::steady_clock::now();
  co_return true;
}

// Everything that has arrived.
Task<boost::system::error_code> take_arrived(Api& api, NetworkThread& thread, Bulk& bulk, LineReader& lines,
                                             Progress& progress) {
  if (!bulk.look_again()) co_return errc::refused;
  Line line;
  auto last = bulk.last();
  while (lines.take(line)) {
    if (const auto error = co_await take(api, thread, bulk, &line)) co_return error;
    progress.taken(line.number);
    if (std::exchange(last, bulk.last()) == bulk.last()) continue;
    if (!co_await give_way(api, thread, bulk)) co_return errc::storage_failed;
  }
  if (const auto error = co_await take(api, thread, bulk, nullptr)) co_return error;
  progress.tell_now_and_then();
  if (!co_await give_way(api, thread, bulk)) co_return errc::storage_failed;
  co_return boost::system::error_code();
}

// Silence says "unknown" (P9).
void fall_silent(Exchange& exchange) {
  exchange.response.close_after();
  exchange.connection.close();
}

// The caller may not go on: says how far it has come, once the disk has that.
Task<> refuse_the_rest(Exchange exchange, const Bulk& bulk, std::uint64_t taken_lines) {
  if (bulk.last() != 0 && !co_await exchange.connection.thread().durable(bulk.last()))
    co_return fall_silent(exchange);
  const bool is_known = bulk.standing() == Authority::Standing::changed;
  std::string members;
  JsonWriter json(members);
  json.open('{').field("lines", bulk.first_gathered() != 0 ? bulk.first_gathered() - 1 : taken_lines);
  bulk.write_members(json);
  json.close('}');
  members.front() = ',';  // as members of the problem's object
  members.pop_back();
  set_position(exchange.response, bulk.position());
  if (is_known) {
    send_problem(exchange.response, 403, "forbidden",
                 "what the caller may do has changed: the lines behind these were not taken", members);
  } else {
    send_problem(exchange.response, 401, "unauthenticated",
                 "the caller's credential is no longer good: the lines behind these were not taken", members);
  }
}

// Nothing was done.
void refuse_all(const Exchange& exchange, const Bulk& bulk, bool is_array) {
  std::string members;
  JsonWriter json(members);
  bulk.write(json);
  members.front() = ',';  // as members of the problem's object
  members.pop_back();
  std::string detail = is_array ? "the body is one JSON array" : "no line of the body was understood";
  detail.append(": it is to be ").append(bulk.taken());
  send_problem(exchange.response, 400, "malformed", detail, members);
}

bool begins_array(std::string_view body) {
  body = without_bom(body);
  const auto at = body.find_first_not_of(" \t\r\n");
  return at != std::string_view::npos && body[at] == '[';
}

Task<> run(Api& api, Exchange exchange, std::unique_ptr<Bulk> bulk) {
  using Got = BodyReader::Got;
  auto& thread = exchange.connection.thread();
  Progress progress(*bulk);
  bool is_array = false;
  if (exchange.body != nullptr) {  // null: there is none
    LineReader lines(*exchange.body);
    while (true) {
      const auto got = co_await lines.fill();
      if (got == Got::closed) co_return fall_silent(exchange);
      if (got == Got::malformed || got == Got::oversized) {
        send_problem(exchange.response, 400, "bad_request",
                     "malformed chunked body; lines before it may have been taken");
        co_return;
      }
      if (got == Got::end) break;
      if (progress.lines() == 0 && is_wide_text(lines.ahead())) {
        send_problem(exchange.response, 400, "malformed", "the body is to be UTF-8, and is UTF-16 or UTF-32");
        co_return;
      }
      is_array = is_array || (progress.lines() == 0 && begins_array(lines.ahead()));
      if (const auto error = co_await take_arrived(api, thread, *bulk, lines, progress)) {
        if (error == errc::refused) co_return co_await refuse_the_rest(exchange, *bulk, progress.lines());
        send_problem(exchange.response, error);
        co_return;
      }
    }
  }
  if (bulk->last() != 0 && !co_await thread.durable(bulk->last())) co_return fall_silent(exchange);
  if (bulk->is_not_understood()) co_return refuse_all(exchange, *bulk, is_array);
  std::string body;
  JsonWriter json(body);
  bulk->write(json);
  set_position(exchange.response, bulk->position());
  exchange.response.send_json(200, body);
  progress.end();
}

}  // namespace

Outcome import_keys(Api& api, Call& call) {
  return {0, run(api, call.exchange, std::make_unique<Import>(api, call))};
}

Outcome revoke_in_bulk(Api& api, Call& call) {
  return {0, run(api, call.exchange, std::make_unique<BulkRevocation>(api, call))};
}

}  // namespace revoked::net
