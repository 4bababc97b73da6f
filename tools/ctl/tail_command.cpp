// revokectl tail: what happens, as it happens.

#include <memory>
#include <thread>

#include "cache/wire/event_stream.hpp"
#include "tools/ctl/commands.hpp"
#include "tools/ctl/terminal.hpp"
#include "tools/programs/program.hpp"

namespace revoked::ctl {
namespace {

struct AskedTail {
  std::string after;
  std::uint64_t count = 0;  // 0: without end
};

// "user ann", "user ann within workspace acme", or a key's id.
std::string target_of(const JsonValue& event) {
  const auto& scope = event["scope"].text();
  if (scope.empty()) return event["key_id"].text();
  auto text = scope + " " + event["id"].text();
  const auto& within = event["within"];
  const auto append = [&](const JsonValue& owner) {
    text.append(" within ").append(owner["scope"].text()).append(" ").append(owner["id"].text());
  };
  if (within.is_object()) append(within);
  for (const auto& owner : within.items()) append(owner);
  return text;
}

class Tail {
 public:
  Tail(Session& session, const AskedTail& asked)
      : session_(session), last_event_id_(asked.after), left_(asked.count), is_limited_(asked.count != 0) {}

  // Returns when the stream ends; false: enough has been shown.
  bool follow() {
    constexpr std::chrono::seconds silence{10};  // a heartbeat comes every second
    Headers headers{{"Accept", "text/event-stream"}};
    if (!last_event_id_.empty()) headers.emplace_back("Last-Event-ID", last_event_id_);
    cache::EventStream events;
    bool goes_on = true;
    session_.client().download("/v1/invalidations", headers, silence, [&](std::string_view bytes) {
      using Outcome = cache::EventStream::Outcome;
      has_begun_ = true;
      const auto outcome = events.feed(bytes, [&](std::string_view data) { return goes_on = take(data); });
      return outcome == Outcome::more;
    });
    return goes_on;
  }
  // Whether the stream has had anything since this was last asked.
  bool take_has_begun() { return std::exchange(has_begun_, false); }
  void begin_at(const std::string& position) { last_event_id_ = position; }

 private:
  bool take(std::string_view data) {
    const auto message = JsonValue::parse(data);
    const auto& epoch = message["epoch"].text();
    const auto& events = message["events"].items();
    if (!events.empty() && session_.is_json()) Session::print_line(message.json());
    for (const auto& event : events) {
      if (!session_.is_json()) print(message, event);
      if (is_limited_ && --left_ == 0) return false;
    }
    last_event_id_ = epoch + "-" + message["last"].text();
    if (const auto& journal = message["journal"].text(); !journal.empty())
      last_event_id_.append("-").append(journal);
    return true;
  }

  static void print(const JsonValue& message, const JsonValue& event) {
    constexpr std::size_t verb_width = 15;
    auto verb = shown_text(event["type"].text());
    auto line = shown_time(message["at"].text()) + "  ";
    const std::string padding(verb_width - std::min(verb_width, verb.size()), ' ');
    if (has_colour() && verb.ends_with(".revoked")) verb = "\x1b[31m" + verb + "\x1b[0m";
    line.append(verb).append(padding).append("  ").append(shown_text(target_of(event)));
    for (const auto* const name : {"user", "application", "workspace", "reason"}) {
      const auto& text = event[name].text();
      if (!text.empty()) line.append("  ").append(name).append("=").append(shown_text(text));
    }
    Session::print_line(
        line.append("  ").append(message["epoch"].text()).append("-").append(event["sequence"].text()));
  }

  Session& session_;
  std::string last_event_id_;
  std::uint64_t left_;
  const bool is_limited_;
  bool has_begun_ = false;
};

int follow(Session& session, const AskedTail& asked) {
  constexpr std::chrono::milliseconds first_pause{250}, longest_pause{5000};
  Tail tail(session, asked);
  auto pause = first_pause;
  session.get("/v1/invalidations");  // whether the engine is there, and this key may
  for (;;) {
    try {
      if (!tail.follow()) return done;
      Session::tell("the stream ended; connecting again");
    } catch (const Refused& error) {
      if (error.status() == 410) {
        Session::tell("the events after that position are gone; continuing from now");
        tail.begin_at({});
        continue;
      }
      if (error.status() < 500) throw;
      Session::tell(error.what());
    } catch (const tools::ConfigurationError&) {
      throw;
    } catch (const std::runtime_error& error) {
      Session::tell(std::string(error.what()) + "; connecting again");
    }
    pause = tail.take_has_begun() ? first_pause : std::min(pause * 2, longest_pause);
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace

void add_tail_command(CommandTree& tree) {
  auto asked = std::make_shared<AskedTail>();
  auto& session = tree.session();
  auto& command = tree.add("tail", "Follow revocations, suspensions and locks as they happen",
                           {"tail", "tail -o json | jq .events[]", "tail --after 3-1041"},
                           [asked, &session] { return follow(session, *asked); });
  command.add_option("--after", asked->after, "Begin after this position; none: now")->type_name("POSITION");
  command.add_option("--count", asked->count, "End after so many events; 0: never")->capture_default_str();
}

}  // namespace revoked::ctl
