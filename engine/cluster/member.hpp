#pragma once
// One engine among those that share a journal in PostgreSQL: copies and applies what others append, takes the
// lead when nobody has it, and keeps it as long as it can. Runs a thread of its own.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "engine/base/counters.hpp"
#include "engine/base/mutex.hpp"
#include "engine/cluster/leadership.hpp"
#include "engine/cluster/shared_store.hpp"
#include "engine/cluster/standing.hpp"
#include "engine/engine.hpp"
#include "engine/log/postgres_log.hpp"

namespace revoked::engine {

struct MemberOptions {
  PostgresLog::Options journal;
  std::chrono::milliseconds lease{2000};
  std::string url;      // where others reach this engine
  std::string version;  // of the program
};

// Called on the member's thread.
struct MemberListener {
  // A transition or a failure, once per change: "leads", "follows", "cannot reach the journal" …
  std::function<void(std::string_view what, std::string_view detail)> on_event;
  // How far what this engine publishes is valid (Standing::valid_until) has changed.
  std::function<void()> on_proof;
  // The gateways that report to this engine, for the one that leads next; and what the one before has left,
  // before this one leads.
  std::function<std::string()> gateways;
  std::function<void(std::string_view)> on_gateways;
  // This engine must start again: it has led and does not any more, or its copy has rows that the journal has
  // lost, which the start finds (catch_up). Nothing is called afterwards.
  std::function<void()> on_end;
};

// What to do about a server that must not be used as it is set up.
enum class IfRefused {
  fail,
  wait,  // until the server is set up as it was
};

// Connects. Waits for PostgreSQL until it can, or until `go_on` returns false: errc::not_ready. errc::refused
// (if that is to fail), errc::storage_of_other_format: `log.failure()` says why.
result<void> reach_journal(PostgresLog& log, const MemberListener& listener,
                           const std::function<bool()>& go_on, IfRefused if_refused);

// Copies the rows that are missing in a store before the engine loads it; waits and fails as reach_journal().
// errc::position_gone: the store is not of this journal, or has rows that it has lost.
result<PostgresLog::Tail> catch_up(PostgresLog& log, Store& store, const MemberListener& listener,
                                   const std::function<bool()>& go_on,
                                   IfRefused if_refused = IfRefused::fail);

class Member {
 public:
  // `engine` follows, and has everything up to `tail`, which `log` is connected for. All outlive it.
  Member(MemberOptions options, std::unique_ptr<PostgresLog> log, PostgresLog::Tail tail, Engine& engine,
         SharedStore& store, Standing& standing, MemberListener listener);
  // Stops following. Gives up the lead, or the row with which it was to begin, for another engine to take at
  // once: only once this engine has stopped.
  ~Member();
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  // Stops following, taking and keeping the lead; what is current stays so until its time is over. From any
  // thread.
  void stop();

  // How often it has begun to lead. Any thread.
  std::uint64_t terms() const { return terms_.value(); }

 private:
  using Time = Standing::Time;
  using Leader = PostgresLog::Leader;

  void run();
  bool connect();
  result<void> step();
  result<void> follow();
  result<bool> copy_rows();
  result<void> take();
  result<void> keep();
  result<void> show_engines();
  result<void> leave_gateways();
  void end(std::string_view what, std::string_view why);
  void rest(std::chrono::nanoseconds time);
  void tell(std::string_view what, std::string_view detail);

  const MemberOptions options_;
  const std::unique_ptr<PostgresLog> log_;
  PostgresLog::Tail tail_;
  Engine& engine_;
  SharedStore& store_;
  Standing& standing_;
  const MemberListener listener_;
  const std::string holder_;

  // The thread only.
  Leadership leadership_;
  Leader row_;  // while it leads: as it wrote it last
  Time lease_end_{};
  Time next_show_{};
  std::string gateways_;  // as it left them last
  std::string told_;
  bool has_ended_ = false;

  Counter terms_;
  mutable Mutex<lone_level> mutex_;
  Condition wake_;
  bool stopping_ REVOKED_GUARDED_BY(mutex_) = false;
  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

}  // namespace revoked::engine
