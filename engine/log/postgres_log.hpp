#pragma once
// The journal shared by several engines, in PostgreSQL (14 or later, with a synchronous standby or a managed
// service). One row is one batch. A row is appended only directly after the newest one, and only by an engine
// that knows it (compare-and-append), so there is one order, without gaps, whoever appends:
//
//   revoked.journal (first, last, epoch, chain, body)   body: the batch as in the log's files (event.hpp)
//   revoked.leader  (term, holder, url, beat, sequence) one row: who may append, as a rule; see Leadership
//   revoked.engines (holder, url, role, ...)            what GET /v1/engines shows
//   revoked.gateways (list)                         one row: those that reported to the leader, for the next
//   one revoked.format  (version, secret)
//
// `chain` is the XXH3-128 of the previous row's chain and of this row: an engine detects by it that it has
// followed rows which the server has lost since, as in a promotion.
//
// What PostgreSQL says is believed with these limits (its documentation, "synchronous_commit"; a cancelled
// wait for the standby answers success with a warning, and an error or lost connection leaves the outcome
// open): an append that ends in any other way than with its row and without a warning is *unknown*, and the
// connection is closed. The settings that decide whether it is durable may change while the server runs:
// every statement that writes looks at them. One object is one connection (postgres_connection.hpp): used by
// one thread, blocking.

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/log/block.hpp"
#include "engine/log/postgres_connection.hpp"
#include "engine/model/event.hpp"

namespace revoked::engine {

class PostgresLog {
 public:
  enum class Durability {
    sync,     // refuses a server without synchronous standbys
    managed,  // the service keeps copies in a way that the server does not show
    single,   // one server: what its disk loses is lost
  };
  struct Options {
    std::string url;  // postgresql://…, as libpq reads it; several hosts: the one that accepts writes is used
    Durability durability = Durability::sync;
    std::chrono::milliseconds timeout{3000};  // of each call
    std::string application = "revoked";      // application_name
    bool moves = false;                       // `revokectl journal move`: see `moving`
  };
  // Holds the row of the leader while a journal is moved into this one: no engine leads, none starts.
  static constexpr std::string_view moving = "revokectl journal move";

  // The newest row, or the one before an append. Zero: the journal is empty.
  struct Tail {
    Sequence last = 0;
    Epoch epoch = 0;
    BlockSum chain{};
    friend bool operator==(const Tail&, const Tail&) = default;
  };
  struct Row {
    Tail end;
    std::string body;
  };
  // The row of the leader. `beat` grows while it holds.
  struct Leader {
    std::uint64_t term = 0;
    std::string holder;  // of one process, random; empty: nobody
    std::string url;
    std::uint64_t beat = 0;
    Sequence sequence = 0;  // durable, when it was written
  };
  struct Engine {
    std::string holder;
    std::string url;
    std::string role;
    Position position;
    std::string version;
    std::chrono::milliseconds silent_for{0};  // by the server's clock
  };

  explicit PostgresLog(const Options& options)
      : durability_(options.durability),
        moves_(options.moves),
        connection_({options.url, options.timeout, options.application}) {}

  // Connects again if it is not connected, checks the server, and creates the tables if they are missing.
  // errc::refused if the server must not be used, if there are no tables and the role may not create them, or
  // if a journal is being moved (failure() says which); errc::storage_of_other_format.
  result<void> connect();
  bool is_connected() const { return connection_.is_open(); }
  // To the server that `other`, of the same URL, is connected to, and to no other.
  result<void> connect_to_server_of(const PostgresLog& other);

  // errc::position_gone: the newest row is not `before`; nothing was appended, and nothing ever will be after
  // `before`. Any other error: unknown.
  result<Tail> append(const BatchView& batch, const Tail& before);
  // The same for several batches, each after the one before: all are appended, or none.
  result<Tail> append(std::span<const BatchView> batches, const Tail& before);

  result<Tail> tail();
  // The row that ends at this sequence; empty: none does.
  result<std::optional<Row>> row_at(Sequence last);
  // Rows after `after`, in order, at most `limit` of them and not many more than rows_bytes; each is checked
  // against the one before: errc::storage_corrupt if the chain does not match, or the server has lost
  // `after`.
  result<std::vector<Row>> rows_after(const Tail& after, std::size_t limit);
  static constexpr std::size_t rows_bytes = 4 << 20;  // an answer must arrive within the time of a call

  result<Leader> leader();
  // Writes `next` if the row is still `seen`, and the newest row of the journal is of `epoch` (0: of any).
  // False: it is not.
  result<bool> replace_leader(const Leader& seen, const Leader& next, Epoch epoch = 0);

  // Durable when it returns, like an append.
  result<void> show_engine(const Engine& engine);
  result<std::vector<Engine>> engines();

  // What the leader leaves to the next one; the text is the caller's.
  result<void> write_gateways(std::string_view list);
  result<std::string> gateways();

  // Waits until a row has been appended by anyone, for at most that long. A hint: it may return early,
  // and does the first time.
  void wait_for_append(std::chrono::milliseconds limit);
  // After it, an append is no more work for the server because of this connection.
  result<void> stop_waiting_for_appends();

  // Ends the current and every later call with errc::not_ready. From any thread.
  void interrupt() { connection_.interrupt(); }

  // What went wrong last, in the server's words or ours, without the password.
  const std::string& failure() const { return connection_.failure(); }
  // Known to those who can read the tables: by it engines recognise each other. Once connected.
  const std::string& secret() const { return secret_; }
  // host:port of the server, once connected.
  const std::string& server() const { return connection_.server(); }

  // The statements that create the tables, and those that let `role` use them as an engine does, which owns
  // nothing; for those who do it by hand.
  static std::string_view schema();
  static std::string grants(std::string_view role);

 private:
  result<void> check_server();
  // What decides whether a commit is durable when it is confirmed: three columns, for check_settings().
  static constexpr std::string_view settings =
      "current_setting('fsync'), current_setting('synchronous_commit'), "
      "current_setting('synchronous_standby_names') ";
  // Of the first row, from that column on. errc::refused, and the connection is closed: what it confirms is
  // not durable as it should be.
  result<void> check_settings(const PostgresRows& rows, int column);
  result<void> create_tables();
  result<void> check_format();

  const Durability durability_;
  const bool moves_;
  bool listens_ = false;  // this connection does
  PostgresConnection connection_;
  std::string secret_;
};

// "sync", "managed", "single": as options name them. Empty: another text.
std::optional<PostgresLog::Durability> durability_of(std::string_view text);

// Of a row with that batch after `before`.
PostgresLog::Tail tail_after(const PostgresLog::Tail& before, const BatchView& batch);

}  // namespace revoked::engine
