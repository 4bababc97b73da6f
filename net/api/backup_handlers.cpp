// GET /v1/backup: the whole journal as of now, as a tar archive that is built while it is sent.
// GET /v1/checkpoint: the newest checkpoint, for engines that share the journal.

#include <charconv>

#include "engine/log/backup.hpp"
#include "net/api/api.hpp"
#include "net/auth/authority.hpp"
#include "net/http/log.hpp"
#include "net/http/network_thread.hpp"
#include "net/http/problem.hpp"

namespace revoked::net {
namespace {

using engine::Backup;

// Pause between two pieces while keys are revoked singly, which leaves most of the processor and disk time to
// those.
constexpr std::chrono::milliseconds rest_beside_others{1};

// As one chunk of the chunked coding (RFC 9112, 7.1) if it is chunked.
void append_piece(std::string& out, std::string_view piece, bool is_chunked) {
  if (!is_chunked) {
    out.append(piece);
    return;
  }
  char hex[16];
  const auto end = std::to_chars(hex, hex + sizeof hex, piece.size(), 16).ptr;
  out.append(hex, end).append("\r\n").append(piece).append("\r\n");
}

struct CopyKind {
  std::string_view name;
  std::string_view media_type;
  std::string_view extension;
  engine::result<std::unique_ptr<Backup>> (engine::Engine::*make)() const;
};
constexpr CopyKind backup{"a backup", "application/x-tar", ".tar", &engine::Engine::back_up};
constexpr CopyKind checkpoint{"a checkpoint", "application/octet-stream", ".tables",
                              &engine::Engine::copy_checkpoint};

class BackupLog {
 public:
  BackupLog(const CopyKind& kind, const Request& request) : kind_(kind), request_(request) {}

  void set_position(engine::Position position) { position_ = to_string(position); }
  void count(std::size_t bytes) { bytes_ += bytes; }
  void tell_end() const {
    log(Level::info, std::string(kind_.name).append(" was sent"),
        {{"request_id", request_.id},
         {"address", request_.remote_address},
         {"position", position_},
         {"bytes", std::to_string(bytes_)}});
  }
  void log_failure(Level level, std::string_view reason) const {
    log(level, std::string(kind_.name).append(position_.empty() ? " could not start" : " was aborted"),
        {{"request_id", request_.id},
         {"address", request_.remote_address},
         {"position", position_},
         {"bytes", std::to_string(bytes_)},
         {"reason", reason}});
  }

 private:
  const CopyKind& kind_;
  const Request& request_;
  std::string position_;
  std::uint64_t bytes_ = 0;
};

void begin_answer(Api& api, const Exchange& exchange, const CopyKind& kind, const Backup& copy,
                  BackupLog& log) {
  auto& response = exchange.response;
  const auto position = api.engine.position_of(copy.last());
  set_position(response, position);
  log.set_position(position);
  response.header("Content-Disposition", std::string("attachment; filename=\"revoked-")
                                             .append(to_string(position))
                                             .append(kind.extension)
                                             .append("\""));
  response.header("Cache-Control", "no-store");
  response.begin_stream(200, kind.media_type, !exchange.request.is_http_1_0);
}

// Why it must end; empty: it may continue. An engine of the journal needs no authority.
std::string_view objection(const Exchange& exchange, std::optional<Authority>& authority) {
  if (exchange.connection.thread().is_draining()) return "the engine is stopping";
  if (authority && authority->recheck() != Authority::Standing::good)
    return "its caller is no longer authorized";
  return {};
}

// Without the last chunk, the client cannot take the archive for a complete backup.
void break_off(const Exchange& exchange) {
  exchange.response.close_after();
  exchange.connection.close();
}

Task<> yield_to_others(Api& api, NetworkThread& thread) {
  if (!api.single_revocations->is_recent()) co_return;
  cache::Timer rest(thread.executor(), rest_beside_others);
  co_await rest.async_wait(cache::as_result);
}

Task<> answer_copy(Api& api, Exchange exchange, const CopyKind& kind, std::string asker,
                   std::optional<Authority> authority, [[maybe_unused]] BackupSlot slot) {
  auto& connection = exchange.connection;
  auto& thread = connection.thread();
  const bool is_chunked = !exchange.request.is_http_1_0;
  BackupLog log(kind, exchange.request);
  std::unique_ptr<Backup> copy;
  std::string piece;
  engine::result<void> was_read;
  // Includes the first piece: a read error until then still gets an error response.
  const std::function<void()> begin = [&] {
    auto begun = (api.engine.*kind.make)();
    if (begun) copy = std::move(*begun);
    was_read = copy ? copy->next(piece) : engine::result<void>(begun.error());
  };
  if (!co_await read_on_pool(api, exchange, asker, begin)) co_return;
  if (was_read == engine::errc::not_found) {
    send_problem(exchange.response, 404, "checkpoint_not_found", "this engine has made no checkpoint yet");
    co_return;
  }
  if (!was_read) {
    log.log_failure(Level::error, copy ? copy->failure() : api.engine.storage_failure());
    send_problem(exchange.response, was_read.error());
    co_return;
  }
  begin_answer(api, exchange, kind, *copy, log);
  if (exchange.response.is_head()) co_return;
  connection.enter(Connection::Phase::streaming);
  const std::function<void()> read = [&] { was_read = copy->next(piece); };
  while (!piece.empty()) {
    append_piece(connection.output(), piece, is_chunked);
    if (!co_await connection.flush()) {
      log.log_failure(Level::warning, "its reader disconnected or was too slow");
      co_return;
    }
    log.count(piece.size());
    co_await yield_to_others(api, thread);
    auto why = objection(exchange, authority);
    while (why.empty() && !co_await api.readings->run(thread.executor(), asker, read)) {
      co_await thread.news().wait(full_pool_retry, thread.news().count());
      why = objection(exchange, authority);
    }
    if (!why.empty() || !was_read) {
      log.log_failure(was_read ? Level::warning : Level::error,
                      was_read ? why : std::string_view(copy->failure()));
      break_off(exchange);
      co_return;
    }
  }
  log.tell_end();
  if (is_chunked) connection.output().append("0\r\n\r\n");
}

Outcome send_copy(Api& api, Call& call, const CopyKind& kind, std::string asker,
                  std::optional<Authority> authority) {
  auto slot = take_slot(*api.backup_slots);
  if (!slot) return refuse(call, 503, "overloaded", "the maximum number of backups is in progress");
  return {0, answer_copy(api, call.exchange, kind, std::move(asker), std::move(authority), std::move(slot))};
}

}  // namespace

Outcome send_backup(Api& api, Call& call) {
  Authority authority(api.authenticator, call.dialect.present(call.request()),
                      engine::Permission::master_key);
  return send_copy(api, call, backup, asker_of(call.principal), std::move(authority));
}

Outcome send_checkpoint(Api& api, Call& call) {
  if (!call.request().is_forwarded)
    return refuse(call, 401, "unauthenticated", "this is for the engines that share the journal");
  return send_copy(api, call, checkpoint, "engine", {});
}

}  // namespace revoked::net
