#include "engine/log/postgres_log.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace revoked::engine {
namespace {

constexpr std::string_view unique_violation = "23505";
constexpr std::chrono::milliseconds usual_append{50};

BlockSum chain_of(const PostgresRows& rows, std::size_t row, int column) {
  BlockSum chain{};
  const auto bytes = rows.bytes(row, column);
  std::memcpy(chain.data(), bytes.data(), std::min(bytes.size(), chain.size()));
  return chain;
}
std::string_view bytes_of(const BlockSum& chain) {
  return {reinterpret_cast<const char*>(chain.data()), chain.size()};
}
PostgresLog::Tail tail_of(const PostgresRows& rows, std::size_t row) {
  return {rows.integer(row, 0), rows.integer(row, 1), chain_of(rows, row, 2)};
}

// An array as a parameter in binary form (PostgreSQL's array_recv): dimensions, whether there are nulls, the
// type of the elements; of the dimension the size and the lower bound; and each element with its size.
class ArrayParameter {
 public:
  enum Type : std::uint32_t { int8 = 20, bytea = 17 };  // pg_type.dat

  ArrayParameter(Type type, std::size_t size) {
    for (const auto number : {std::uint32_t{1}, std::uint32_t{0}, std::uint32_t{type},
                              static_cast<std::uint32_t>(size), std::uint32_t{1}})
      add_number(number);
  }
  void add(std::string_view bytes) {
    add_number(static_cast<std::uint32_t>(bytes.size()));
    bytes_.append(bytes);
  }
  void add(std::uint64_t integer) {
    add_number(std::uint32_t{sizeof integer});
    add_number(integer);
  }
  PostgresParameter parameter() const { return {bytes_, true}; }

 private:
  template <class Number>
  void add_number(Number number) {
    for (int shift = 8 * sizeof number; shift != 0;)
      bytes_.push_back(static_cast<char>(number >> (shift -= 8) & 0xff));
  }

  std::string bytes_;
};

}  // namespace

PostgresLog::Tail tail_after(const PostgresLog::Tail& before, const BatchView& batch) {
  std::array<char, sizeof(BlockSum) + sizeof(XXH128_hash_t)> both;
  const auto body = XXH3_128bits(batch.bytes().data(), batch.bytes().size());
  std::memcpy(both.data(), before.chain.data(), before.chain.size());
  std::memcpy(both.data() + before.chain.size(), &body, sizeof body);
  PostgresLog::Tail tail{batch.last(), batch.epoch(), {}};
  const auto sum = XXH3_128bits(both.data(), both.size());
  std::memcpy(tail.chain.data(), &sum, tail.chain.size());
  return tail;
}

void PostgresLog::wait_for_append(std::chrono::milliseconds limit) {
  if (listens_) return connection_.wait_for_notification(limit);
  listens_ = bool(connection_.run_script("LISTEN revoked_journal"));
}

result<void> PostgresLog::stop_waiting_for_appends() {
  listens_ = false;
  return connection_.run_script("UNLISTEN revoked_journal");
}

// ---- the journal

result<PostgresLog::Tail> PostgresLog::append(const BatchView& batch, const Tail& before) {
  static const auto text = std::string(
                               "WITH row AS (INSERT INTO revoked.journal (first, last, epoch, chain, body) "
                               "SELECT $1::bigint, $2::bigint, $3::bigint, $4::bytea, $5::bytea WHERE "
                               "coalesce((SELECT (last, epoch, "
                               "chain) = ($6::bigint, "
                               "$7::bigint, $8::bytea) FROM revoked.journal ORDER BY first DESC LIMIT 1), "
                               "$6::bigint = 0) RETURNING "
                               "first) "
                               "SELECT first, pg_notify('revoked_journal', ''), ")
                               .append(settings)
                               .append("FROM row");
  static const PostgresStatement statement{"append", text.c_str()};
  const auto sent = BootClock::now();
  const auto tail = tail_after(before, batch);
  const auto first = std::to_string(batch.first()), last = std::to_string(batch.last()),
             epoch = std::to_string(batch.epoch());
  const auto before_last = std::to_string(before.last), before_epoch = std::to_string(before.epoch);
  const auto outcome = connection_.run(statement, {{first},
                                                   {last},
                                                   {epoch},
                                                   {bytes_of(tail.chain), true},
                                                   {batch.bytes(), true},
                                                   {before_last},
                                                   {before_epoch},
                                                   {bytes_of(before.chain), true}});
  if (!outcome)
    return connection_.sqlstate() == unique_violation ? errc::position_gone : errc(outcome.error().value());
  if (outcome->size() != 1) {
    connection_.set_failure("another engine has appended");
    return errc::position_gone;
  }
  if (const auto checked = check_settings(*outcome, 2); !checked) return checked.error();
  // A commit that waits for a standby is confirmed without one when the last is taken out of the settings;
  // the session has read them by its next statement.
  if (BootClock::now() - sent > usual_append) {
    if (const auto checked = check_server(); !checked) return checked.error();
  }
  return tail;
}

// One statement, so one transaction.
result<PostgresLog::Tail> PostgresLog::append(std::span<const BatchView> batches, const Tail& before) {
  static constexpr PostgresStatement statement{
      "append_several",
      "WITH rows AS (INSERT INTO revoked.journal (first, last, epoch, chain, body) "
      "SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[]) "
      "WHERE coalesce((SELECT (last, epoch, chain) = ($6::bigint, $7::bigint, $8::bytea) "
      "FROM revoked.journal ORDER BY first DESC LIMIT 1), $6::bigint = 0) RETURNING first) "
      "SELECT count(*) FROM rows"};
  using Array = ArrayParameter;
  Array firsts(Array::int8, batches.size()), lasts(Array::int8, batches.size()),
      epochs(Array::int8, batches.size()), chains(Array::bytea, batches.size()),
      bodies(Array::bytea, batches.size());
  auto tail = before;
  for (const auto& batch : batches) {
    if (batch.first() != tail.last + 1) return errc::position_gone;
    tail = tail_after(tail, batch);
    firsts.add(batch.first());
    lasts.add(batch.last());
    epochs.add(batch.epoch());
    chains.add(bytes_of(tail.chain));
    bodies.add(batch.bytes());
  }
  const auto before_last = std::to_string(before.last), before_epoch = std::to_string(before.epoch);
  const auto outcome = connection_.run(statement, {firsts.parameter(),
                                                   lasts.parameter(),
                                                   epochs.parameter(),
                                                   chains.parameter(),
                                                   bodies.parameter(),
                                                   {before_last},
                                                   {before_epoch},
                                                   {bytes_of(before.chain), true}});
  if (!outcome)
    return connection_.sqlstate() == unique_violation ? errc::position_gone : errc(outcome.error().value());
  if (outcome->integer(0, 0) != batches.size()) {
    connection_.set_failure("another has appended");
    return errc::position_gone;
  }
  if (const auto checked = check_server(); !checked) return checked.error();
  return tail;
}

result<PostgresLog::Tail> PostgresLog::tail() {
  static constexpr PostgresStatement statement{
      "tail", "SELECT last, epoch, chain FROM revoked.journal ORDER BY first DESC LIMIT 1"};
  const auto outcome = connection_.run(statement);
  if (!outcome) return outcome.error();
  return outcome->size() == 0 ? Tail{} : tail_of(*outcome, 0);
}

result<std::optional<PostgresLog::Row>> PostgresLog::row_at(Sequence last) {
  static constexpr PostgresStatement statement{
      "row_at",
      "SELECT last, epoch, chain, body FROM revoked.journal WHERE last = $1::bigint AND first <= $1::bigint "
      "ORDER BY first DESC LIMIT 1"};
  const auto number = std::to_string(last);
  const auto outcome = connection_.run(statement, {{number}});
  if (!outcome) return outcome.error();
  if (outcome->size() == 0) return std::optional<Row>();
  return std::optional<Row>({tail_of(*outcome, 0), std::string(outcome->bytes(0, 3))});
}

result<std::vector<PostgresLog::Row>> PostgresLog::rows_after(const Tail& after, std::size_t limit) {
  static constexpr PostgresStatement statement{
      "rows_after",
      "SELECT last, epoch, chain, CASE WHEN first > $1::bigint THEN body ELSE '' END FROM (SELECT *, "
      "sum(bytes) OVER (ORDER BY first) - bytes AS bytes_before FROM (SELECT *, CASE WHEN first > $1::bigint "
      "THEN octet_length(body) ELSE 0 END AS bytes FROM revoked.journal WHERE first >= coalesce((SELECT "
      "first "
      "FROM revoked.journal WHERE first <= $1::bigint ORDER BY first DESC LIMIT 1), 0) ORDER BY first LIMIT "
      "$2::bigint) AS page) AS sized WHERE bytes_before < $3::bigint ORDER BY first"};
  const std::size_t known = after.last == 0 ? 0 : 1;  // rows: the one that ends at `after`
  const auto from = std::to_string(after.last), most = std::to_string(known + limit),
             bytes = std::to_string(rows_bytes);
  const auto outcome = connection_.run(statement, {{from}, {most}, {bytes}});
  if (!outcome) return outcome.error();
  // A promoted server may lack it, and have others there or none.
  if (known != 0 && (outcome->size() == 0 || tail_of(*outcome, 0) != after)) {
    connection_.set_failure("the row that ended at " + from + " when it was read is not there");
    return errc::storage_corrupt;
  }
  std::vector<Row> rows;
  auto before = after;
  for (std::size_t i = known; i < outcome->size(); ++i) {
    auto& row = rows.emplace_back(tail_of(*outcome, i), std::string(outcome->bytes(i, 3)));
    BatchView batch;
    if (!BatchView::parse(row.body, batch) || batch.first() != before.last + 1 ||
        tail_after(before, batch) != row.end) {
      connection_.set_failure("the row after " + std::to_string(before.last) +
                              " does not continue what was read before");
      return errc::storage_corrupt;
    }
    before = row.end;
  }
  return rows;
}

// ---- who leads, and who is there

result<PostgresLog::Leader> PostgresLog::leader() {
  static constexpr PostgresStatement statement{
      "leader", "SELECT term, holder, url, beat, sequence FROM revoked.leader WHERE id = 1"};
  const auto outcome = connection_.run(statement);
  if (!outcome) return outcome.error();
  const auto& rows = *outcome;
  if (rows.size() != 1) return connection_.fail(errc::refused, "revoked.leader has no row");
  return Leader{rows.integer(0, 0), std::string(rows.bytes(0, 1)), std::string(rows.bytes(0, 2)),
                rows.integer(0, 3), rows.integer(0, 4)};
}

result<bool> PostgresLog::replace_leader(const Leader& seen, const Leader& next, Epoch epoch) {
  static const auto text =
      std::string(
          "UPDATE revoked.leader SET term = $1::bigint, holder = $2, url = $3, beat = $4::bigint, sequence = "
          "$5::bigint "
          "WHERE id = 1 AND term = $6::bigint AND holder = $7 AND beat = $8::bigint AND ($9::bigint = 0 OR "
          "$9::bigint = (SELECT journal.epoch FROM revoked.journal ORDER BY first DESC LIMIT 1)) RETURNING "
          "id, ")
          .append(settings);
  static const PostgresStatement statement{"replace_leader", text.c_str()};
  const auto term = std::to_string(next.term), beat = std::to_string(next.beat),
             sequence = std::to_string(next.sequence);
  const auto of = std::to_string(epoch);
  const auto seen_term = std::to_string(seen.term), seen_beat = std::to_string(seen.beat);
  const auto outcome = connection_.run(
      statement,
      {{term}, {next.holder}, {next.url}, {beat}, {sequence}, {seen_term}, {seen.holder}, {seen_beat}, {of}});
  if (!outcome) return errc(outcome.error().value());
  if (outcome->size() != 1) return false;
  if (const auto checked = check_settings(*outcome, 1); !checked) return errc(checked.error().value());
  return true;
}

result<void> PostgresLog::show_engine(const Engine& engine) {
  static const auto text = std::string(
                               "INSERT INTO revoked.engines VALUES ($1, $2, $3, $4::bigint, "
                               "$5::bigint, $6, now()) ON CONFLICT (url) DO UPDATE SET "
                               "holder = excluded.holder, role = excluded.role, epoch = excluded.epoch, "
                               "sequence = excluded.sequence, version = excluded.version, "
                               "seen = excluded.seen RETURNING ")
                               .append(settings);
  static const PostgresStatement statement{"show_engine", text.c_str()};
  static constexpr PostgresStatement forget{
      "forget_engines", "DELETE FROM revoked.engines WHERE seen < now() - interval '1 day'"};
  const auto epoch = std::to_string(engine.position.epoch),
             sequence = std::to_string(engine.position.sequence);
  const auto shown = connection_.run(
      statement, {{engine.holder}, {engine.url}, {engine.role}, {epoch}, {sequence}, {engine.version}});
  if (!shown) return shown.error();
  if (const auto checked = check_settings(*shown, 0); !checked) return checked;
  const auto forgotten = connection_.run(forget);
  if (!forgotten) return forgotten.error();
  return {};
}

result<std::vector<PostgresLog::Engine>> PostgresLog::engines() {
  static constexpr PostgresStatement statement{
      "engines",
      "SELECT holder, url, role, epoch, sequence, version, (extract(epoch "
      "FROM clock_timestamp() - seen) * 1000)::bigint "
      "FROM revoked.engines ORDER BY url, holder"};
  const auto outcome = connection_.run(statement);
  if (!outcome) return outcome.error();
  const auto& rows = *outcome;
  std::vector<Engine> engines;
  engines.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    engines.push_back({std::string(rows.bytes(i, 0)), std::string(rows.bytes(i, 1)),
                       std::string(rows.bytes(i, 2)), Position{rows.integer(i, 3), rows.integer(i, 4)},
                       std::string(rows.bytes(i, 5)),
                       std::chrono::milliseconds(static_cast<std::int64_t>(rows.integer(i, 6)))});
  return engines;
}

result<void> PostgresLog::write_gateways(std::string_view list) {
  static constexpr PostgresStatement statement{"write_gateways",
                                               "UPDATE revoked.gateways SET list = $1 WHERE id = 1"};
  const auto outcome = connection_.run(statement, {{list}});
  if (!outcome) return outcome.error();
  return {};
}

result<std::string> PostgresLog::gateways() {
  static constexpr PostgresStatement statement{"gateways", "SELECT max(list) FROM revoked.gateways"};
  const auto outcome = connection_.run(statement);
  if (!outcome) return outcome.error();
  return std::string(outcome->bytes(0, 0));
}

}  // namespace revoked::engine
