#include "tools/ctl/client.hpp"

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <charconv>
#include <optional>

#include "engine/base/character_set.hpp"
#include "engine/base/hex.hpp"
#include "tools/ctl/json_value.hpp"
#include "tools/programs/program.hpp"

namespace revoked::ctl {
namespace {

using cache::HttpConnection;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds connect_limit{10};
constexpr std::chrono::minutes answer_limit{5};  // a bulk is answered when all of it is on disk
constexpr std::size_t max_answer_bytes = 64 << 20;

std::string problem_text(const Answer& answer) {
  const auto problem = JsonValue::parse(answer.body);
  const auto& code = problem["code"].text();
  if (code.empty()) return "the engine answered with status " + std::to_string(answer.status);
  const auto& detail = problem["detail"].text();
  return detail.empty() ? code : code + ": " + detail;
}

}  // namespace

Refused::Refused(const Answer& answer) : std::runtime_error(problem_text(answer)), status_(answer.status) {}

Client::Client(Target target) : target_(std::move(target)) {
  std::shared_ptr<cache::TlsClient> tls;
  try {
    if (target_.is_encrypted)
      tls = std::make_shared<cache::TlsClient>(cache::TlsClientOptions{target_.ca_file, {}, {}});
  } catch (const std::runtime_error& error) {
    throw tools::ConfigurationError(std::string("--ca-file: ") + error.what());
  }
  origin_ = std::make_shared<cache::HttpOrigin>(io_, target_.host, target_.port, std::move(tls));
}

template <class T>
T Client::run(cache::Task<T> task) {
  std::optional<T> value;
  cache::asio::co_spawn(io_, std::move(task), [&value](const std::exception_ptr& bug, T result) {
    if (bug) std::rethrow_exception(bug);
    value.emplace(std::move(result));
  });
  io_.restart();
  io_.run();
  return std::move(*value);
}

void Client::fail(cache::error_code error) const {
  throw std::runtime_error(target_.url + ": " + error.message());
}

void Client::connect() {
  connection_ = std::make_shared<HttpConnection>(io_);
  const auto connected = run(HttpConnection::connect(connection_, origin_, Clock::now() + connect_limit));
  if (connected.has_error()) fail(connected.error());
}

std::shared_ptr<std::string> Client::head_of(std::string_view method, const std::string& path,
                                             const Headers& headers) const {
  auto head = std::make_shared<std::string>(method);
  head->append(" ").append(path).append(" HTTP/1.1\r\nHost: ");
  head->append(cache::format_endpoint(target_.host, target_.port)).append("\r\nUser-Agent: revokectl/");
  head->append(tools::version).append("\r\n");
  if (!target_.credential.empty())
    head->append("Authorization: Bearer ").append(target_.credential).append("\r\n");
  for (const auto& [name, value] : headers) head->append(name).append(": ").append(value).append("\r\n");
  return head;
}

void Client::check(const Answer& answer) const {
  if (answer.is_good()) return;
  if (answer.status == 401 && target_.credential.empty())
    throw tools::ConfigurationError("this needs a key: give --key-file FILE");
  throw Refused(answer);
}

Answer Client::ask(std::string_view method, const std::string& path, const std::string& body,
                   const Headers& headers) {
  auto request = head_of(method, path, headers);
  if (!body.empty() || method != "GET") {
    request->append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
    if (!body.empty()) request->append("Content-Type: application/json\r\n");
  }
  request->append("\r\n").append(body);
  bool was_idle = connection_ && connection_->is_reusable();
  for (;; was_idle = false) {
    if (!was_idle) connect();
    auto answer =
        run(HttpConnection::exchange(connection_, request, max_answer_bytes, Clock::now() + answer_limit));
    if (answer) return {answer->status, std::move(answer->body), {}};
    if (!was_idle || method != "GET") fail(answer.error());
  }
}

Answer Client::expect(std::string_view method, const std::string& path, const std::string& body,
                      const Headers& headers) {
  auto answer = ask(method, path, body, headers);
  check(answer);
  return answer;
}

void Client::send(std::string bytes) {
  const auto sent = run(HttpConnection::send(
      connection_, std::make_shared<const std::string>(std::move(bytes)), Clock::now() + answer_limit));
  if (sent.has_error()) fail(sent.error());
}

Answer Client::upload(const std::string& path, const Source& next_piece) {
  // An engine that refuses a long body ends the connection, and its answer could be lost: an empty body shows
  // first whether this caller may.
  expect("POST", path, {}, {{"Content-Type", "application/x-ndjson"}});
  connect();
  auto head =
      head_of("POST", path, {{"Content-Type", "application/x-ndjson"}, {"Transfer-Encoding", "chunked"}});
  send(*head + "\r\n");
  for (auto piece = next_piece(); !piece.empty(); piece = next_piece()) {
    std::array<char, 16> size{};
    const auto end = std::to_chars(size.begin(), size.end(), piece.size(), 16).ptr;
    std::string chunk(size.begin(), end);
    send(chunk.append("\r\n").append(piece).append("\r\n"));
  }
  send("0\r\n\r\n");
  auto received =
      run(HttpConnection::receive(connection_, true, max_answer_bytes, Clock::now() + answer_limit));
  if (received.has_error()) fail(received.error());
  Answer answer{received->status, std::move(received->body), {}};
  check(answer);
  return answer;
}

Answer Client::download(const std::string& path, const Headers& headers, std::chrono::seconds silence,
                        const Sink& sink) {
  auto request = head_of("GET", path, headers);
  request->append("\r\n");
  connect();
  const auto opened = run(HttpConnection::open_stream(connection_, request, Clock::now() + answer_limit));
  if (opened.has_error()) fail(opened.error());
  const auto& parser = *opened;
  Answer answer{parser->get().result_int(), {}, std::string(parser->get()["Revocation-Position"])};
  std::string chunk(256 << 10, '\0');
  for (;;) {
    const auto size = run(
        HttpConnection::read_stream(connection_, parser, cache::asio::buffer(chunk), Clock::now() + silence));
    if (size.has_error()) fail(size.error());
    const auto bytes = std::string_view(chunk).substr(0, *size);
    if (bytes.empty()) break;
    if (!answer.is_good()) {
      answer.body.append(bytes);
      if (answer.body.size() > max_answer_bytes) break;
    } else if (!sink(bytes)) {
      connection_->close();
      break;
    }
  }
  check(answer);
  return answer;
}

std::string percent_encoded(std::string_view text) {
  constexpr auto plain = engine::letters_and_digits | engine::CharacterSet("-._~");
  std::string out;
  for (const char c : text) {
    if (plain.has(c)) {
      out.push_back(c);
    } else {
      out.push_back('%');
      engine::hex::append(out, std::array{static_cast<std::uint8_t>(c)});
    }
  }
  return out;
}

}  // namespace revoked::ctl
