#pragma once
// A small engine for gateway tests: keys, a journal of revocations, pages and a stream, each with
// configurable faults. The secret of a key is its id.

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cache/bus/message.hpp"
#include "cache/bus/report.hpp"
#include "engine/base/boot_clock.hpp"
#include "engine/model/json_writer.hpp"
#include "tests/support/fake_engine.hpp"

namespace revoked::test {

class ScriptedEngine {
 public:
  explicit ScriptedEngine(std::uint16_t port = 0);
  ~ScriptedEngine();

  std::uint16_t port() const { return engine_.port(); }
  void cut_connections() { engine_.cut_connections(); }

  // Faults, off by default.
  std::atomic<bool> hides_messages{false};  // the stream omits them
  std::atomic<bool> hides_heartbeats{false};
  std::atomic<bool> refuses_pages{false};
  std::atomic<bool> refuses_streams{false};
  std::atomic<bool> refuses_questions{false};
  std::atomic<bool> forgets_ranges{false};      // 410 to every range except the newest
  std::atomic<int> question_delay_ms{0};        // between look-up and answer
  std::atomic<int> stream_delay_ms{0};          // of messages of the stream
  std::atomic<std::int64_t> clock_ahead_ms{0};  // of its wall clock
  // Expiry of every key after each question, by its own clock; 0: never.
  std::atomic<std::int64_t> expires_in_ms{0};
  std::atomic<bool> knows_no_keys{false};

  // Refuses pages and streams from now on, and cuts those that are open.
  void fall_silent();
  // Answers 503 to everything from now on, or no longer.
  void serve_nothing(bool nothing);
  // While true, questions are looked up but not answered.
  void hold_answers(bool hold);

  // From now on every range up to the current position gets this response.
  void spoil_ranges(std::string answer);

  std::atomic<int> questions{0}, pages{0}, streams{0}, reports{0};
  std::atomic<int> held{0};  // answers held so far, each after the look-up

  static std::string journal_of(engine::Epoch epoch) { return "j" + std::to_string(epoch); }

  // Of every key that is active: members of a decision, as JSON.
  void set_owners(std::string members);
  // Without an event: of the answers from now on.
  void set_state(const std::string& key_id, const std::string& state);

  // These return the message. `event`: the members of its one event, as JSON.
  std::string publish(const std::string& event);
  std::string revoke(const std::string& key_id);

  // A restart: the new epoch's first entry covers what it lost.
  void restart();

  // One of several engines that share a journal: reaches what the other has now. Its clock has this name, and
  // shows another time.
  void catch_up_with(const ScriptedEngine& leader);
  void set_clock(std::string name, std::int64_t ahead_ms);

  engine::Position position() const;
  std::string heartbeat() const;
  cache::Report last_report() const;

 private:
  using Peer = FakeEngine::Peer;

  engine::UnixMs now() const { return engine::now_unix_ms() + clock_ahead_ms; }
  std::uint64_t up_ms() const { return engine::running_ms() + static_cast<std::uint64_t>(up_ahead_ms_); }
  std::string up() const;  // with the name of its clock, as JSON
  std::string clocks() const;

  void serve(const FakeRequest& request, Peer& peer);
  void verify(const FakeRequest& request, Peer& peer);
  void page(const FakeRequest& request, Peer& peer);
  void stream(const FakeRequest& request, Peer& peer);

  mutable std::mutex mutex_;
  engine::Epoch epoch_ = 1;
  engine::Sequence sequence_ = 0;
  std::vector<std::string> journal_;           // index i: the message of sequence i + 1
  std::map<std::string, std::string> states_;  // others are active
  std::string owners_;
  cache::Report last_report_;
  std::string spoilt_;  // if not empty, the response to ranges up to spoilt_from_
  engine::Sequence spoilt_from_ = 0;
  bool holds_answers_ = false;
  std::string clock_;
  std::int64_t up_ahead_ms_ = 0;
  std::atomic<bool> stopping_{false};
  std::condition_variable changed_;  // journal_, holds_answers_, stopping_
  FakeEngine engine_;                // last: its threads use all members above
};

}  // namespace revoked::test
