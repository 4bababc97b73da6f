#include "engine/cluster/member.hpp"

#include <utility>
#include <vector>

#include "engine/base/this_thread.hpp"
#include "engine/model/ids.hpp"

namespace revoked::engine {

using std::chrono::milliseconds;

namespace {

constexpr std::size_t rows_at_once = 1000;
constexpr int beats_per_lease = 5;
constexpr int proofs_per_lease = 8;
constexpr milliseconds look_period{100};
constexpr milliseconds retry_period{200};
constexpr std::chrono::seconds show_period{1};
constexpr std::string_view stops = "stops";

// Whether the limits of an answer have cut it: there may be more rows than these.
bool are_cut(const std::vector<PostgresLog::Row>& rows) {
  std::size_t bytes = 0;
  for (const auto& row : rows) bytes += row.body.size();
  return rows.size() == rows_at_once || bytes >= PostgresLog::rows_bytes;
}

// The row that the store's last batch must be; empty if the journal has none there.
result<std::optional<PostgresLog::Tail>> row_of_last(PostgresLog& log, const Store& store) {
  const auto last = store.last();
  if (last == 0) return std::optional(PostgresLog::Tail{});
  std::string body;
  const auto read = store.read(last, [&body](const BatchView& batch) {
    body = batch.bytes();
    return true;
  });
  if (!read) return read.error();
  const auto row = log.row_at(last);
  if (!row) return row.error();
  if (!*row || (*row)->body != body) return std::optional<PostgresLog::Tail>();
  return std::optional((*row)->end);
}

}  // namespace

result<void> reach_journal(PostgresLog& log, const MemberListener& listener,
                           const std::function<bool()>& go_on, IfRefused if_refused) {
  for (std::string told; go_on(); std::this_thread::sleep_for(retry_period)) {
    const auto connected = log.connect();
    if (connected) return {};
    if (std::exchange(told, log.failure()) != log.failure())
      listener.on_event("cannot reach the journal", log.failure());
    if ((connected.error() == errc::refused && if_refused == IfRefused::fail) ||
        connected.error() == errc::storage_of_other_format)
      return connected;
  }
  return errc::not_ready;
}

result<PostgresLog::Tail> catch_up(PostgresLog& log, Store& store, const MemberListener& listener,
                                   const std::function<bool()>& go_on, IfRefused if_refused) {
  std::optional<PostgresLog::Tail> tail;
  for (std::string told; go_on();) {
    const auto rest = [&] {
      if (std::exchange(told, log.failure()) != log.failure())
        listener.on_event("cannot read the journal", log.failure());
      std::this_thread::sleep_for(retry_period);
    };
    if (const auto reached = reach_journal(log, listener, go_on, if_refused); !reached)
      return reached.error();
    if (!tail) {
      const auto row = row_of_last(log, store);
      if (!row && log.is_connected()) return row.error();  // of the store
      if (!row) {
        rest();
        continue;
      }
      if (!*row) return errc::position_gone;
      tail = **row;
    }
    const auto rows = log.rows_after(*tail, rows_at_once);
    if (!rows && rows.error() == errc::storage_corrupt) return errc::storage_corrupt;
    if (!rows) {
      rest();
      continue;
    }
    for (const auto& row : *rows) {
      BatchView batch;
      BatchView::parse(row.body, batch);  // rows_after() has checked it
      if (const auto copied = store.append(batch); !copied) return copied.error();
      tail = row.end;
    }
    if (!are_cut(*rows)) return *tail;
  }
  return errc::not_ready;
}

Member::Member(MemberOptions options, std::unique_ptr<PostgresLog> log, PostgresLog::Tail tail,
               Engine& engine, SharedStore& store, Standing& standing, MemberListener listener)
    : options_(std::move(options)),
      log_(std::move(log)),
      tail_(tail),
      engine_(engine),
      store_(store),
      standing_(standing),
      listener_(std::move(listener)),
      holder_(new_random_id()),
      leadership_(options_.lease),
      thread_([this] { run(); }) {}

Member::~Member() {
  stop();
  if (row_.term == 0 || !log_->is_connected()) return;
  auto nobody = row_;
  nobody.holder.clear();
  nobody.url.clear();
  ++nobody.beat;
  if (const auto given = log_->replace_leader(row_, nobody); given && *given)
    listener_.on_event("gave up the lead", {});
}

void Member::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Member::run() {
  set_up_this_thread("member");
  for (;;) {
    {
      const MutexLock lock(mutex_);
      if (stopping_ || has_ended_) return;
    }
    if (!connect() || !step()) {
      if (has_ended_) return;
      tell("cannot reach the journal", log_->failure());
      rest(retry_period);
    }
    if (row_.term != 0 && BootClock::now() >= lease_end_) end(stops, "its lease is over");
  }
}

bool Member::connect() { return bool(log_->connect()); }

result<void> Member::step() { return row_.term != 0 ? keep() : follow(); }

// ---- following

result<void> Member::follow() {
  const auto sent = BootClock::now();
  const bool proves = sent >= next_show_;
  if (proves) {
    next_show_ = sent + options_.lease / proofs_per_lease;
    if (const auto shown = show_engines(); !shown) return shown;
  }
  for (bool more = true; more;) {
    const auto copied = copy_rows();
    if (!copied) return errc(copied.error().value());
    more = *copied;
  }
  const auto row = log_->leader();
  if (!row) return row.error();
  leadership_.see(*row, BootClock::now());
  standing_.follow(row->url);
  if (proves) {
    standing_.prove(sent, sent + leadership_.own_lease());
    listener_.on_proof();
    tell("follows", row->url);
  }
  if (leadership_.should_take(BootClock::now())) return take();
  log_->wait_for_append(look_period);
  return {};
}

// Whether there may be more.
result<bool> Member::copy_rows() {
  const auto rows = log_->rows_after(tail_, rows_at_once);
  if (!rows && rows.error() == errc::storage_corrupt) end("its copy is not of the journal", log_->failure());
  if (!rows) return errc(rows.error().value());
  for (const auto& row : *rows) {
    BatchView batch;
    BatchView::parse(row.body, batch);
    if (!store_.copy(batch) || !engine_.follow(batch)) {
      end(stops, store_.failure());
      return errc::storage_failed;
    }
    tail_ = row.end;
  }
  return are_cut(*rows);
}

// ---- leading

result<void> Member::take() {
  const auto& seen = *leadership_.seen();
  const auto sent = BootClock::now();
  const Leader mine{seen.term + 1, holder_, options_.url, 0, tail_.last};
  const auto taken = log_->replace_leader(seen, mine);
  if (!taken) return errc(taken.error().value());
  if (!*taken) return {};  // another one was faster
  row_ = mine;
  lease_end_ = sent + leadership_.own_lease();
  // What the leader before has appended until its lease ended.
  for (bool more = true; more;) {
    const auto copied = copy_rows();
    if (!copied) {
      row_ = {};  // not begun: the row stands still, and is taken again
      return errc(copied.error().value());
    }
    more = *copied;
  }
  if (const auto connected = store_.begin_appending(tail_, *log_); !connected) {
    row_ = {};
    return connected;
  }
  const auto gateways = log_->gateways();
  if (!gateways) {
    row_ = {};
    return errc(gateways.error().value());
  }
  listener_.on_gateways(*gateways);
  // Not yet the leader: what was copied may be lost with this server until a row after it is durable.
  standing_.begin_epoch(lease_end_);
  if (!engine_.lead()) {
    end(stops, store_.failure());
    return errc::storage_failed;
  }
  standing_.lead(lease_end_);
  terms_.add();
  standing_.follow({});
  listener_.on_proof();
  tell("leads", "term " + std::to_string(row_.term) + ", epoch " + std::to_string(engine_.epoch()));
  return log_->stop_waiting_for_appends();
}

result<void> Member::keep() {
  const auto sent = BootClock::now();
  auto next = row_;
  ++next.beat;
  next.sequence = engine_.durable();
  const auto kept = log_->replace_leader(row_, next, engine_.epoch());
  if (!kept) {
    // It may have been written or not: the row says which.
    if (!log_->connect()) return errc(kept.error().value());
    const auto row = log_->leader();
    if (!row) return row.error();
    if (row->term == row_.term && row->holder == holder_)
      row_ = *row;
    else
      end(stops, "another engine leads: " + row->url);
    return {};
  }
  if (!*kept) {
    end(stops, "another engine leads");
    return errc::not_leader;
  }
  row_ = next;
  lease_end_ = sent + leadership_.own_lease();
  standing_.lead(lease_end_);
  tell("leads", "term " + std::to_string(row_.term) + ", epoch " + std::to_string(engine_.epoch()));
  if (sent >= next_show_) {
    next_show_ = sent + show_period;
    if (const auto shown = show_engines(); !shown) return shown;
  }
  if (const auto left = leave_gateways(); !left) return left;
  rest(options_.lease / beats_per_lease - (BootClock::now() - sent));
  return {};
}

result<void> Member::leave_gateways() {
  auto gateways = listener_.gateways();
  if (gateways == gateways_) return {};
  if (const auto written = log_->write_gateways(gateways); !written) return written;
  gateways_ = std::move(gateways);
  return {};
}

// ---- the rest

result<void> Member::show_engines() {
  const bool leads = row_.term != 0;
  const auto role = leads ? "leader" : "follower";
  const auto position = engine_.position_of(engine_.durable());
  if (const auto shown = log_->show_engine({holder_, options_.url, role, position, options_.version}); !shown)
    return shown;
  auto engines = log_->engines();
  if (!engines) return engines.error();
  std::vector<EngineShown> all;
  for (auto& each : *engines)
    all.push_back({std::move(each.url), std::move(each.role), each.position, std::move(each.version),
                   each.silent_for, each.holder == holder_});
  standing_.show(std::move(all));
  return {};
}

// What it had in flight is unknown to those who asked.
void Member::end(std::string_view what, std::string_view why) {
  if (std::exchange(has_ended_, true)) return;
  standing_.step_down();
  store_.interrupt();
  tell(what, why);
  listener_.on_end();
}

void Member::rest(std::chrono::nanoseconds time) {
  MutexLock lock(mutex_);
  wake_.wait_for(lock, std::chrono::duration_cast<milliseconds>(time),
                 [this]() REVOKED_REQUIRES(mutex_) { return stopping_; });
}

void Member::tell(std::string_view what, std::string_view detail) {
  auto line = std::string(what).append(" ").append(detail);
  if (std::exchange(told_, line) != line) listener_.on_event(what, detail);
}

}  // namespace revoked::engine
