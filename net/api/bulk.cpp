#include "net/api/bulk.hpp"

#include <boost/asio/post.hpp>
#include <utility>

#include "net/http/content.hpp"
#include "net/http/json_reader.hpp"
#include "net/http/log.hpp"
#include "net/http/network_thread.hpp"
#include "net/http/problem.hpp"

namespace revoked::net {
namespace {

using engine::errc;
using engine::JsonWriter;

// How far a bulk may run ahead of the disk: other changes must be able to commit in between, and wait for
// what it has written.
constexpr engine::Sequence max_lead = 2 * engine::Journal::max_batch_events;
// The same while keys are revoked singly: those wait for these events, and their gateways must apply these
// events first.
constexpr engine::Sequence max_lead_beside_others = 256;
// The bulk then also pauses as long as each turn takes, up to this long, so that the engine, the bus and the
// gateways have half of their time for other work.
constexpr std::chrono::milliseconds longest_rest{20};
// How often the progress of a bulk is logged.
constexpr std::chrono::seconds log_every{2};

// The coroutines up to run_bulk() take by reference what that owns: it awaits each of them.

Task<boost::system::error_code> recall(Api& api, NetworkThread& thread, Bulk& bulk) {
  engine::result<void> done;
  const std::function<void()> read = [&] { done = api.engine.recall(bulk.recalled()); };
  if (!co_await api.readings->run(thread.executor(), bulk.asker(), read)) co_return errc::overloaded;
  co_return done ? boost::system::error_code() : done.error();
}

// Retries the line while too many events wait for the disk.
Task<boost::system::error_code> process(Api& api, NetworkThread& thread, Bulk& bulk, const Bulk::Line* line) {
  while (true) {
    const auto processed = bulk.process(line);
    if (processed) co_return boost::system::error_code();
    if (processed.error() == errc::not_recalled) {
      if (const auto error = co_await recall(api, thread, bulk)) co_return error;
      continue;
    }
    if (processed.error() != errc::overloaded) co_return processed.error();
    if (!co_await thread.durable(api.engine.applied())) co_return errc::storage_failed;
  }
}

// Logs the progress of a bulk, at most every `log_every`, and its end.
class Progress {
 public:
  explicit Progress(const Bulk& bulk) : bulk_(bulk) {}
  ~Progress() {
    if (!ended_) bulk_.log_progress("aborted", lines_);
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  std::uint64_t lines() const { return lines_; }
  void processed(std::uint64_t line) { lines_ = line; }
  void log_periodically() {
    const auto now = std::chrono::steady_clock::now();
    if (now - logged_at_ < log_every) return;
    logged_at_ = now;
    bulk_.log_progress("in progress", lines_);
  }
  void end(const Exchange& exchange) {
    ended_ = true;
    bulk_.log_end(exchange, lines_);
  }

 private:
  const Bulk& bulk_;
  std::chrono::steady_clock::time_point logged_at_ = std::chrono::steady_clock::now();
  std::uint64_t lines_ = 0;
  bool ended_ = false;
};

// Between two turns of a bulk: bounds the events that wait for the disk, and lets other work of this thread
// run.
Task<bool> yield_to_others(Api& api, NetworkThread& thread, Bulk& bulk) {
  const bool beside_others = api.single_revocations->is_recent();
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

// Processes all lines that have arrived.
Task<boost::system::error_code> take_arrived(Api& api, NetworkThread& thread, Bulk& bulk, LineReader& lines,
                                             Progress& progress) {
  if (!bulk.recheck()) co_return errc::refused;
  Bulk::Line line;
  auto last = bulk.last();
  while (lines.next(line)) {
    if (const auto error = co_await process(api, thread, bulk, &line)) co_return error;
    progress.processed(line.number);
    if (std::exchange(last, bulk.last()) == bulk.last()) continue;
    if (!co_await yield_to_others(api, thread, bulk)) co_return errc::storage_failed;
  }
  if (const auto error = co_await process(api, thread, bulk, nullptr)) co_return error;
  progress.log_periodically();
  if (!co_await yield_to_others(api, thread, bulk)) co_return errc::storage_failed;
  co_return boost::system::error_code();
}

// The caller is no longer authorized: reports how many lines were processed, once those are synced.
Task<> refuse_the_rest(Exchange exchange, const Bulk& bulk, std::uint64_t taken_lines) {
  if (bulk.last() != 0 && !co_await wait_until_durable(exchange, bulk.last())) co_return;
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
                 "the caller's permissions or limits have changed: later lines were not processed", members);
  } else {
    send_problem(exchange.response, 401, "unauthenticated",
                 "the caller's credential is no longer valid: later lines were not processed", members);
  }
}

// Nothing was done.
void refuse_all(const Exchange& exchange, const Bulk& bulk, bool is_array) {
  std::string members;
  JsonWriter json(members);
  bulk.write(json);
  members.front() = ',';  // as members of the problem's object
  members.pop_back();
  std::string detail = is_array ? "the body is one JSON array" : "no line of the body is valid";
  detail.append(": it must be ").append(bulk.expected());
  send_problem(exchange.response, 400, "malformed", detail, members);
}

bool begins_array(std::string_view body) {
  body = without_bom(body);
  const auto at = body.find_first_not_of(" \t\r\n");
  return at != std::string_view::npos && body[at] == '[';
}

}  // namespace

engine::result<void> Bulk::process(const Line* line) {
  if (line == nullptr || is_full()) {
    if (const auto done = process_gathered(); !done) return done;
    if (line == nullptr) return {};
  }
  if (line->too_long) return fail(*line, {"line_too_long", {}, "a line has at most 65536 bytes"});
  if (line->text.find_first_not_of(" \t\r") == std::string_view::npos) return {};  // blank
  return process_text(*line, without_bom(line->text));
}

void Bulk::log_progress(std::string_view how_far, std::uint64_t lines) const {
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

void Bulk::log_end(const Exchange& exchange, std::uint64_t lines) const {
  auto& line = exchange.connection.answer_log();
  line.begin(Level::info, std::string(what()).append(" done"));
  if (const auto name = verb(); !name.empty())
    line.field("verb", name).field("position", position()).field("outcome", "done");
  line.field("lines", std::to_string(lines)).field("accepted", std::to_string(accepted_));
  line.field("keys", std::to_string(changed_keys())).field("failed", std::to_string(failed_count_));
  log_caller(line, exchange.request, principal_);
}

void Bulk::write_members(engine::JsonWriter& json) const {
  json.field("accepted", accepted_);
  write_counts(json);
  json.key("failed").open('[');
  // Collected lines fail later than the lines around them.
  auto failed = failed_;
  std::ranges::sort(failed, {}, &Failure::line);
  for (const auto& [line, fault] : failed) {
    json.open('{').field("line", line).field("code", fault.code);
    json.optional_field("member", fault.member).optional_field("detail", fault.detail).close('}');
  }
  json.close(']').field("failed_count", failed_count_);
  json.field("position", to_string(position()));
}

Task<> run_bulk(Api& api, Exchange exchange, std::unique_ptr<Bulk> bulk) {
  using Got = BodyReader::Got;
  auto& thread = exchange.connection.thread();
  Progress progress(*bulk);
  bool is_array = false;
  if (exchange.body != nullptr) {  // null: there is no body
    LineReader lines(*exchange.body);
    while (true) {
      const auto got = co_await lines.fill();
      if (got == Got::closed) co_return drop_connection(exchange);
      if (got == Got::malformed || got == Got::oversized) {
        send_problem(exchange.response, 400, "bad_request",
                     "malformed chunked body; earlier lines may have been processed");
        co_return;
      }
      if (got == Got::end) break;
      if (progress.lines() == 0 && is_wide_text(lines.ahead())) {
        send_problem(exchange.response, 400, "malformed", "the body is UTF-16 or UTF-32: it must be UTF-8");
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
  if (bulk->last() != 0 && !co_await wait_until_durable(exchange, bulk->last())) co_return;
  if (bulk->is_not_understood()) co_return refuse_all(exchange, *bulk, is_array);
  std::string body;
  JsonWriter json(body);
  bulk->write(json);
  set_position(exchange.response, bulk->position());
  exchange.response.send_json(200, body);
  progress.end(exchange);
}

}  // namespace revoked::net
