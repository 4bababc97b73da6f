#include "tests/cache/edge/scripted_engine.hpp"

#include <algorithm>
#include <chrono>

#include "cache/bus/message_encoder.hpp"
#include "tests/support/rfc3339.hpp"

namespace revoked::test {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds heartbeat_interval{40};

ScriptedEngine::ScriptedEngine(std::uint16_t port)
    : engine_([this](const FakeRequest& request, FakeEngine::Peer& peer) { serve(request, peer); }, port) {}

ScriptedEngine::~ScriptedEngine() {
  std::lock_guard lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

void ScriptedEngine::hold_answers(bool hold) {
  std::lock_guard lock(mutex_);
  holds_answers_ = hold;
  changed_.notify_all();
}

void ScriptedEngine::fall_silent() {
  refuses_pages = refuses_streams = true;
  cut_connections();
}

void ScriptedEngine::serve_nothing(bool nothing) {
  refuses_pages = refuses_streams = refuses_questions = nothing;
  if (nothing) cut_connections();
}

void ScriptedEngine::catch_up_with(const ScriptedEngine& leader) {
  std::scoped_lock lock(mutex_, leader.mutex_);
  epoch_ = leader.epoch_;
  sequence_ = leader.sequence_;
  journal_ = leader.journal_;
  states_ = leader.states_;
  changed_.notify_all();
}

void ScriptedEngine::set_clock(std::string name, std::int64_t ahead_ms) {
  std::lock_guard lock(mutex_);
  clock_ = std::move(name);
  up_ahead_ms_ = ahead_ms;
}

std::string ScriptedEngine::up() const {
  return std::to_string(up_ms()) + (clock_.empty() ? "" : ",\"clock\":\"" + clock_ + "\"");
}

void ScriptedEngine::spoil_ranges(std::string answer) {
  std::lock_guard lock(mutex_);
  spoilt_ = std::move(answer);
  spoilt_from_ = sequence_;
}

void ScriptedEngine::set_owners(std::string members) {
  std::lock_guard lock(mutex_);
  owners_ = std::move(members);
}

void ScriptedEngine::set_state(const std::string& key_id, const std::string& state) {
  std::lock_guard lock(mutex_);
  states_[key_id] = state;
}

std::string ScriptedEngine::revoke(const std::string& key_id) {
  set_state(key_id, "revoked");
  return publish("\"type\":\"key.revoked\",\"key_id\":\"" + key_id + "\"");
}

std::string ScriptedEngine::publish(const std::string& event) {
  std::lock_guard lock(mutex_);
  ++sequence_;
  std::string json = "{\"journal\":\"" + journal_of(epoch_) + "\",\"epoch\":" + std::to_string(epoch_) +
                     ",\"first\":" + std::to_string(sequence_) + ",\"last\":" + std::to_string(sequence_) +
                     ",\"at\":\"" + rfc3339(now()) + "\",\"up\":" + up() +
                     ",\"events\":[{\"sequence\":" + std::to_string(sequence_) + "," + event + "}]}";
  journal_.push_back(json);
  changed_.notify_all();
  return json;
}

void ScriptedEngine::restart() {
  {
    std::lock_guard lock(mutex_);
    ++epoch_;
    ++sequence_;
    journal_.push_back("{\"journal\":\"" + journal_of(epoch_) + "\",\"epoch\":" + std::to_string(epoch_) +
                       ",\"first\":" + std::to_string(sequence_) + ",\"last\":" + std::to_string(sequence_) +
                       ",\"at\":\"" + rfc3339(now()) + "\",\"events\":[]}");
  }
  cut_connections();
}

engine::Position ScriptedEngine::position() const {
  std::lock_guard lock(mutex_);
  return {epoch_, sequence_};
}

std::string ScriptedEngine::heartbeat() const {
  std::lock_guard lock(mutex_);
  return cache::encode_heartbeat(epoch_, sequence_, {journal_of(epoch_), now(), up_ms(), {}, clock_});
}

std::string ScriptedEngine::clocks() const {
  return "\"journal\":\"" + journal_of(epoch_) + "\",\"at\":\"" + rfc3339(now()) + "\",\"up\":" + up();
}

void ScriptedEngine::serve(const FakeRequest& request, Peer& peer) {
  const auto accept = request.headers.find("accept");
  if (request.target == "/v1/gateways/report") {
    auto report = cache::decode_report(request.body);
    if (report.has_error()) return peer.answer(200, "{}");  // of the use of keys
    ++reports;
    {
      std::lock_guard lock(mutex_);
      last_report_ = std::move(*report);
    }
    return peer.answer(204, {});
  }
  if (request.method == "POST") return verify(request, peer);
  if (accept != request.headers.end() && accept->second == "text/event-stream") return stream(request, peer);
  page(request, peer);
}

cache::Report ScriptedEngine::last_report() const {
  std::lock_guard lock(mutex_);
  return last_report_;
}

void ScriptedEngine::verify(const FakeRequest& request, Peer& peer) {
  ++questions;
  if (refuses_questions) return peer.answer(503, "{}");
  const auto id = request.secret();
  std::string body;
  {
    std::lock_guard lock(mutex_);
    const auto known = states_.find(id);
    const std::string state = knows_no_keys ? "unknown" : known == states_.end() ? "active" : known->second;
    body =
        std::string("{\"active\":") + (state == "active" ? "true" : "false") + ",\"state\":\"" + state + "\"";
    if (!knows_no_keys) body += ",\"key_id\":\"" + id + "\"" + owners_;
    body += ",\"as_of\":\"" + engine::to_string({epoch_, sequence_}) + "\",\"journal\":\"" +
            journal_of(epoch_) + "\"";
    if (expires_in_ms != 0) body += ",\"expires_at\":\"" + rfc3339(now() + expires_in_ms) + "\"";
    body += "}";
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(question_delay_ms));  // models latency
  {
    std::unique_lock lock(mutex_);
    if (holds_answers_) ++held;
    changed_.wait(lock, [&] { return !holds_answers_ || stopping_; });
  }
  peer.answer_question(request, body);
}

void ScriptedEngine::page(const FakeRequest& request, Peer& peer) {
  ++pages;
  if (refuses_pages) return peer.answer(503, "{}");
  std::lock_guard lock(mutex_);
  const auto newest = engine::to_string({epoch_, sequence_});
  const auto at = request.target.find("after=");
  std::string messages;
  if (at != std::string::npos) {
    const auto text = request.target.substr(at + 6, request.target.find('&', at) - at - 6);
    const auto after = engine::parse_position(text);
    if (!after || (forgets_ranges && after->sequence < sequence_) || after->sequence > sequence_ ||
        after->epoch > epoch_)
      return peer.answer(410,
                         "{\"code\":\"position_gone\",\"position\":\"" + newest + "\"," + clocks() + "}");
    if (!spoilt_.empty() && after->sequence <= spoilt_from_) return peer.answer(200, spoilt_);
    for (auto i = after->sequence; i < journal_.size(); ++i)
      messages += (messages.empty() ? "" : ",") + journal_[i];
  }
  peer.answer(200, "{" + clocks() + ",\"position\":\"" + newest + "\",\"more\":false,\"messages\":[" +
                       messages + "]}");
}

void ScriptedEngine::stream(const FakeRequest& request, Peer& peer) {
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
  for (auto next_heartbeat = Clock::now(); !stopping_ && peer.is_open();) {
    std::vector<std::string> messages;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_until(lock, next_heartbeat, [&] { return journal_.size() > next || stopping_; });
      if (!hides_messages)
        messages.assign(journal_.begin() + std::min(next, journal_.size()), journal_.end());
      next = journal_.size();
    }
    std::string sent_last;
    if (Clock::now() >= next_heartbeat) {
      next_heartbeat = Clock::now() + heartbeat_interval;
      if (!hides_heartbeats) sent_last = heartbeat();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(stream_delay_ms));  // models latency
    for (const auto& message : messages) peer.send_event(message);
    if (!sent_last.empty()) peer.send_event(sent_last);
  }
}

}  // namespace revoked::test
