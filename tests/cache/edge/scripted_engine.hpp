#pragma once
// A small engine for gateway tests: keys, a journal of revocations, pages and a stream; each part can be made
// to misbehave. The secret of a key is its id.

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "engine/model/json_writer.hpp"
#include "cache/bus/message.hpp"
#include "engine/base/boot_clock.hpp"
#include "tests/support/fake_engine.hpp"

namespace revoked::test {

class ScriptedEngine {
 public:
  explicit ScriptedEngine(std::uint16_t port = 0);
  ~ScriptedEngine();

  std::uint16_t port() const { return engine_.port(); }
  void cut_connections() { engine_.cut_connections(); }

  // What it does not do for now.
  std::atomic<bool> hides_messages{false};  // the stream leaves them out
  std::atomic<bool> hides_heartbeats{false};
  std::atomic<bool> refuses_pages{false};
  std::atomic<bool> refuses_streams{false};
  std::atomic<bool> refuses_questions{false};
  std::atomic<bool> forgets_ranges{false};      // 410 to every range but the newest
  std::atomic<int> question_delay_ms{0};        // between looking up and answering
  std::atomic<bool> holds_answers{false};       // the same, until it is false again
  std::atomic<int> stream_delay_ms{0};          // of what the stream tells
  std::atomic<std::int64_t> clock_ahead_ms{0};  // its wall clock against the true one
  std::atomic<std::int64_t> expires_in_ms{0};   // of every key, by its own clock, when it is asked; 0: never
  std::atomic<bool> knows_no_keys{false};

  // From now on every range up to where it is has this for an answer.
  void spoil_ranges(std::string answer);

  std::atomic<int> questions{0}, pages{0}, streams{0};
  std::atomic<int> held{0};  // answers so far

  static std::string journal_of(engine::Epoch epoch) { return "j" + std::to_string(epoch); }

  // Gives back the message.
  std::string revoke(const std::string& key_id);

  // A restart: the new epoch's first entry covers what it lost.
  void restart();

  engine::Position position() const;
  std::string heartbeat() const;

 private:
  using Peer = FakeEngine::Peer;

  engine::UnixMs now() const { return engine::now_unix_ms() + clock_ahead_ms; }
  static std::string up() { return std::to_string(engine::running_ms()); }
  std::string clocks() const;

  void serve(const FakeRequest& request, Peer& peer);
  void verify(const FakeRequest& request, Peer& peer);
  void page(const FakeRequest& request, Peer& peer);
  void stream(const FakeRequest& request, Peer& peer);

  mutable std::mutex mutex_;
  engine::Epoch epoch_ = 1;
  engine::Sequence sequence_ = 0;
  std::vector<std::string> journal_;  // the message of sequence i + 1 is at i
  std::set<std::string> revoked_;
  std::string spoilt_;  // the answer to ranges up to spoilt_from_, unless it is empty
  engine::Sequence spoilt_from_ = 0;
  std::atomic<bool> stopping_{false};
  FakeEngine engine_;  // the last: its threads use everything above
};

}  // namespace revoked::test
