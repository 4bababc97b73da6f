#pragma once
// A small engine for gateway tests: keys, a journal of revocations, pages and a stream; each part can be made
// to misbehave. The secret of a key is its id.

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cache/json_writer.hpp"
#include "cache/message.hpp"
#include "engine/boot_clock.hpp"
#include "tests/support/fake_engine.hpp"

namespace revoked::test {

class ScriptedEngine {
 public:
  explicit ScriptedEngine(std::uint16_t port = 0)
      : engine_([this](const FakeRequest& request, FakeEngine::Peer& peer) { serve(request, peer); }, port) {}
  ~ScriptedEngine() { stopping_ = true; }

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
  void spoil_ranges(std::string answer) {
    std::lock_guard lock(mutex_);
    spoilt_ = std::move(answer);
    spoilt_from_ = sequence_;
  }

  std::atomic<int> questions{0}, pages{0}, streams{0};
  std::atomic<int> held{0};  // answers so far

  static std::string journal_of(engine::Epoch epoch) { return "j" + std::to_string(epoch); }

  // Gives back the message.
  std::string revoke(const std::string& key_id) {
    std::lock_guard lock(mutex_);
    revoked_.insert(key_id);
    ++sequence_;
    std::string json = "{\"journal\":\"" + journal_of(epoch_) + "\",\"epoch\":" + std::to_string(epoch_) +
                       ",\"first\":" + std::to_string(sequence_) + ",\"last\":" + std::to_string(sequence_) +
                       ",\"at\":\"" + engine::to_rfc3339(now()) + "\",\"up\":" + up() +
                       ",\"events\":[{\"sequence\":" + std::to_string(sequence_) +
                       ",\"type\":\"key.revoked\",\"key_id\":\"" + key_id + "\"}]}";
    journal_.push_back(json);
    return json;
  }

  // A restart: the new epoch's first entry covers what it lost.
  void restart() {
    {
      std::lock_guard lock(mutex_);
      ++epoch_;
      ++sequence_;
      journal_.push_back("{\"journal\":\"" + journal_of(epoch_) + "\",\"epoch\":" + std::to_string(epoch_) +
                         ",\"first\":" + std::to_string(sequence_) +
                         ",\"last\":" + std::to_string(sequence_) + ",\"at\":\"" + engine::to_rfc3339(now()) +
                         "\",\"events\":[]}");
    }
    cut_connections();
  }

  engine::Position position() const {
    std::lock_guard lock(mutex_);
    return {epoch_, sequence_};
  }
  std::string heartbeat() const {
    const auto at = position();
    return cache::encode_heartbeat(at.epoch, at.sequence,
                                   {journal_of(at.epoch), now(), engine::running_ms()});
  }

 private:
  using Peer = FakeEngine::Peer;

  engine::UnixMs now() const { return engine::now_unix_ms() + clock_ahead_ms; }
  static std::string up() { return std::to_string(engine::running_ms()); }
  std::string clocks() const {
    return "\"journal\":\"" + journal_of(epoch_) + "\",\"at\":\"" + engine::to_rfc3339(now()) +
           "\",\"up\":" + up();
  }

  void serve(const FakeRequest& request, Peer& peer) {
    const auto accept = request.headers.find("accept");
    if (request.method == "POST") return verify(request, peer);
    if (accept != request.headers.end() && accept->second == "text/event-stream")
      return stream(request, peer);
    page(request, peer);
  }

  void verify(const FakeRequest& request, Peer& peer) {
    ++questions;
    if (refuses_questions) return peer.answer(503, "{}");
    const auto id = request.secret();
    std::string body;
    {
      std::lock_guard lock(mutex_);
      const bool active = !revoked_.contains(id) && !knows_no_keys;
      body = std::string("{\"active\":") + (active ? "true" : "false") + ",\"state\":\"" +
             (active          ? "active"
              : knows_no_keys ? "unknown"
                              : "revoked") +
             "\"";
      if (!knows_no_keys) body += ",\"key_id\":\"" + id + "\"";
      body += ",\"as_of\":\"" + engine::to_string({epoch_, sequence_}) + "\",\"journal\":\"" +
              journal_of(epoch_) + "\"";
      if (expires_in_ms != 0) body += ",\"expires_at\":\"" + engine::to_rfc3339(now() + expires_in_ms) + "\"";
      body += "}";
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(question_delay_ms));
    if (holds_answers) ++held;
    while (holds_answers && !stopping_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    peer.answer_question(request, body);
  }

  void page(const FakeRequest& request, Peer& peer) {
    ++pages;
    if (refuses_pages) return peer.answer(503, "{}");
    std::lock_guard lock(mutex_);
    const auto newest = engine::to_string({epoch_, sequence_});
    const auto at = request.target.find("after=");
    std::string messages;
    if (at != std::string::npos) {
      const auto text = request.target.substr(at + 6, request.target.find('&', at) - at - 6);
      const auto after = engine::parse_position(text);
      if (!after || (forgets_ranges && after->sequence < sequence_) || after->sequence > sequence_)
        return peer.answer(410,
                           "{\"code\":\"position_gone\",\"position\":\"" + newest + "\"," + clocks() + "}");
      if (!spoilt_.empty() && after->sequence <= spoilt_from_) return peer.answer(200, spoilt_);
      for (auto i = after->sequence; i < journal_.size(); ++i)
        messages += (messages.empty() ? "" : ",") + journal_[i];
    }
    peer.answer(200, "{" + clocks() + ",\"position\":\"" + newest + "\",\"more\":false,\"messages\":[" +
                         messages + "]}");
  }

  void stream(const FakeRequest& request, Peer& peer) {
    ++streams;
    if (refuses_streams) return peer.answer(503, "{}");
    std::size_t next = 0;
    {
      std::lock_guard lock(mutex_);
      const auto id = request.headers.find("last-event-id");
      next = id == request.headers.end()
                 ? journal_.size()
                 : engine::parse_position(id->second.substr(0, id->second.find("-j")))->sequence;
    }
    peer.open_event_stream();
    for (int turn = 0; !stopping_ && peer.is_open(); ++turn) {
      std::vector<std::string> messages;
      {
        std::lock_guard lock(mutex_);
        if (!hides_messages)
          messages.assign(journal_.begin() + std::min(next, journal_.size()), journal_.end());
        next = journal_.size();
      }
      const auto beat = turn % 20 == 0 && !hides_heartbeats ? heartbeat() : std::string();
      std::this_thread::sleep_for(std::chrono::milliseconds(stream_delay_ms));
      for (const auto& message : messages) peer.send_event(message);
      if (!beat.empty()) peer.send_event(beat);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

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
