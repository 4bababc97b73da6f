#include "net/api/forwarder.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "engine/model/position.hpp"
#include "net/api/api.hpp"
#include "net/api/enforcement.hpp"
#include "net/http/network_thread.hpp"
#include "net/http/problem.hpp"

namespace revoked::net {
namespace {

using cache::HttpConnection;
using engine::errc;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::chrono::seconds leader_time{5};  // to find a leader that answers
constexpr std::chrono::seconds answer_time{4};  // of the leader, besides what the request asks it to wait
// After a body that it read as it arrived: what it has taken of that, it may still have to do.
constexpr std::chrono::seconds body_answer_time{30};
constexpr auto retry_pause = 20ms;
constexpr auto look_period = 50ms;
constexpr std::size_t max_answer_bytes = 64 << 20;

// Of the connection, or set anew.
constexpr std::array<std::string_view, 11> not_passed_on{
    "Host",    "Connection", "Transfer-Encoding", "Content-Length", "Expect",   "Keep-Alive",
    "Upgrade", "TE",         "Trailer",           "X-Request-Id",   peer_header};
constexpr std::array<std::string_view, 6> not_passed_back{
    "Connection", "Transfer-Encoding", "Content-Length", "Keep-Alive", "Date", "X-Request-Id"};

template <std::size_t size>
bool has(const std::array<std::string_view, size>& names, std::string_view name) {
  return std::ranges::any_of(names, [&](std::string_view each) { return equal_ignoring_case(each, name); });
}

void append_chunk(std::string& out, std::string_view bytes) {
  char hex[16];
  const auto end = std::to_chars(hex, hex + sizeof hex, bytes.size(), 16).ptr;
  out.append(hex, end).append("\r\n").append(bytes).append("\r\n");
}

cache::Task<> pause_for(cache::Executor executor, std::chrono::milliseconds time) {
  cache::Timer timer(executor, time);
  co_await timer.async_wait(cache::as_result);
}

PeerConnections& connections_of(NetworkThread& thread) {
  return static_cast<PeerConnections&>(*thread.service_state());
}

constexpr std::string_view leader_lost =
    "the engine that leads was lost; whether it has made the change is unknown";

struct Answer {
  unsigned status = 0;
  std::string type;
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<engine::Position> position;
  std::string body;
};

// Sends the head in `out` and the body in chunks, but for the last one, which it leaves there.
// errc::malformed: the client's body.
Task<boost::system::error_code> send_body(HttpConnection::Pointer leader, BodyReader& body, std::string& out,
                                          std::chrono::seconds limit) {
  for (;;) {
    const auto got = co_await body.next();
    if (got == BodyReader::Got::end) break;
    if (got != BodyReader::Got::piece) {
      leader->close();
      co_return errc::malformed;
    }
    append_chunk(out, body.piece());
    const auto piece = std::make_shared<std::string>(std::exchange(out, {}));
    const auto sent = co_await HttpConnection::send(leader, piece, Clock::now() + limit);
    if (!sent) co_return errc::unavailable;
  }
  out.append("0\r\n\r\n");
  co_return boost::system::error_code();
}

Task<engine::result<Answer>> receive_answer(HttpConnection::Pointer leader,
                                            std::shared_ptr<std::string> request, bool is_head,
                                            Clock::time_point deadline) {
  const auto opened = co_await HttpConnection::open_stream(leader, std::move(request), deadline);
  if (!opened) co_return opened.error();
  Answer answer;
  for (std::array<char, 16 << 10> chunk; !is_head;) {
    const auto size =
        co_await HttpConnection::read_stream(leader, *opened, cache::asio::buffer(chunk), deadline);
    if (!size) co_return size.error();
    if (answer.body.size() > max_answer_bytes) co_return errc::malformed;
    if (*size == 0) break;
    answer.body.append(chunk.data(), *size);
  }
  const auto& head = (*opened)->get();
  answer.status = head.result_int();
  for (const auto& field : head) {
    const std::string_view name = field.name_string(), value = field.value();
    if (equal_ignoring_case(name, "Content-Type"))
      answer.type = value;
    else if (!has(not_passed_back, name))
      answer.headers.emplace_back(name, value);
    if (equal_ignoring_case(name, "Revocation-Position")) answer.position = engine::parse_position(value);
  }
  co_return answer;
}

}  // namespace

std::string Forwarder::head_for_leader(const Request& request, bool has_body) const {
  std::string head(request.method_name);
  head.append(" ").append(request.path);
  if (!request.query.empty()) head.append("?").append(request.query);
  head.append(" HTTP/1.1\r\nHost: leader\r\nX-Request-Id: ").append(request.id);
  head.append("\r\n").append(peer_header).append(": ").append(options_.secret).append(" ");
  head.append(request.remote_address).append("\r\n");
  for (auto lines = request.header_lines; !lines.empty();) {
    auto line = take_until(lines, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto name = line.substr(0, line.find(':'));
    if (!name.empty() && !has(not_passed_on, name)) head.append(line).append("\r\n");
  }
  if (has_body)
    head.append("Transfer-Encoding: chunked\r\n\r\n");
  else if (!request.body.empty() || request.method != Method::get)
    head.append("Content-Length: ")
        .append(std::to_string(request.body.size()))
        .append("\r\n\r\n")
        .append(request.body);
  else
    head.append("\r\n");
  return head;
}

bool Forwarder::take_forwarded(Request& request) const {
  auto lines = request.header_lines;
  const auto value = next_value(lines, peer_header);
  const auto& secret = options_.secret;
  const auto presented = value.substr(0, value.find(' '));
  if (secret.empty() || presented.size() != secret.size() ||
      CRYPTO_memcmp(presented.data(), secret.data(), secret.size()) != 0)
    return false;
  if (presented.size() != value.size()) request.remote_address = value.substr(presented.size() + 1);
  return true;
}

Task<Forwarder::Leader> Forwarder::find_leader(NetworkThread& thread, PeerConnections::Kept kept,
                                               Clock::time_point until) const {
  auto& connections = connections_of(thread);
  for (;;) {
    if (standing_.role() == engine::Standing::Role::leader) co_return Leader{};
    Leader leader{standing_.leader_url(), nullptr};
    if (!leader.url.empty()) leader.connection = co_await connections.connect(leader.url, kept);
    if (leader.connection || Clock::now() >= until || thread.is_draining()) co_return leader;
    co_await pause_for(thread.executor(), retry_pause);
  }
}

Task<> Forwarder::watch_leader(NetworkThread& thread, PeerConnections& connections) const {
  connections.is_watched = true;
  while (connections.has_underway() && !thread.is_draining()) {
    const auto url = standing_.leader_url();
    // One that gives the lead up still answers.
    const bool is_replaced = !url.empty() || standing_.role() == engine::Standing::Role::leader;
    if (is_replaced) connections.close_underway_but(url);
    co_await pause_for(thread.executor(), look_period);
  }
  connections.is_watched = false;
}

Task<bool> Forwarder::forward(Exchange exchange) const {
  const auto& request = exchange.request;
  auto& response = exchange.response;
  const auto refuse = [&response](unsigned status, std::string_view code, std::string_view detail) {
    send_problem(response, status, code, detail);
    return true;
  };
  const auto wait = preferred_wait(request, max_wait);
  const auto until = Clock::now() + leader_time;
  const auto deadline = [&] {
    const auto usual = exchange.body == nullptr ? answer_time : body_answer_time;
    return Clock::now() + usual + (wait && *wait ? **wait : 0s);
  };
  // What has one effect however often it is sent (RFC 9110, 9.2.2), or by its Idempotency-Key, which the next
  // leader knows (changes.hpp).
  const bool may_repeat = exchange.body == nullptr &&
                          (request.method == Method::get || request.method == Method::put ||
                           request.method == Method::delete_ || !request[Header::idempotency_key].empty());
  auto& thread = exchange.connection.thread();
  auto& connections = connections_of(thread);
  const auto kept = may_repeat ? PeerConnections::Kept::may_be_taken : PeerConnections::Kept::not_taken;
  for (;;) {
    const auto [url, leader] = co_await find_leader(thread, kept, until);
    if (!leader && standing_.role() == engine::Standing::Role::leader) co_return false;
    if (!leader) co_return refuse(503, "not_current", not_current);
    auto out = std::make_shared<std::string>(head_for_leader(request, exchange.body != nullptr));
    if (exchange.body != nullptr) {
      const auto got = co_await send_body(leader, *exchange.body, *out, answer_time);
      if (got == errc::malformed) co_return refuse(400, "bad_request", "the body ended early");
      if (got) co_return refuse(502, "leader_lost", leader_lost);
    }
    std::optional<PeerConnections::Underway> underway;
    if (may_repeat) {
      underway.emplace(connections, url, leader);
      if (!connections.is_watched) thread.spawn(watch_leader(thread, connections));
    }
    auto answer = co_await receive_answer(leader, std::move(out), request.method == Method::head, deadline());
    underway.reset();
    if (answer)
      connections.keep(url, leader);
    else
      connections.close_kept();
    // It had stepped down, and done nothing.
    const bool has_refused =
        answer && answer->status == 503 && answer->body.find("\"not_current\"") != std::string::npos;
    if ((!answer && may_repeat) || (has_refused && exchange.body == nullptr)) {
      if (Clock::now() < until) {
        co_await pause_for(thread.executor(), retry_pause);
        continue;
      }
    }
    if (!answer) co_return refuse(502, "leader_lost", leader_lost);
    for (const auto& [name, value] : answer->headers) response.header(name, value);
    // Not of one that was only made in memory (`Prefer: respond-async`): it may never come.
    const auto position = answer->status == 202 ? std::nullopt : answer->position;
    if (position && !co_await wait_until_durable(exchange, position->sequence)) co_return true;
    response.send(answer->status, answer->type, answer->body);
    co_return true;
  }
}

}  // namespace revoked::net
