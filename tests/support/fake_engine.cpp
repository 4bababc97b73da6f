#include "tests/support/fake_engine.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "engine/base/digest.hpp"

namespace revoked::test {
namespace {

// Appends to `buffer` until `enough`; false if the connection ends first.
bool read_until(int socket, std::string& buffer, const std::function<bool()>& enough) {
  char chunk[4096];
  while (!enough()) {
    const auto n = recv(socket, chunk, sizeof chunk, 0);
    if (n <= 0) return false;
    buffer.append(chunk, static_cast<std::size_t>(n));
  }
  return true;
}

void parse_head(std::string_view head, FakeRequest& request) {
  request.head = head;
  const auto line = head.substr(0, head.find("\r\n"));
  const auto first = line.find(' ');
  const auto second = line.find(' ', first + 1);
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, second - first - 1);
  head.remove_prefix(line.size() + 2);
  while (!head.empty()) {
    const auto field = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(field.size() + 2, head.size()));
    const auto colon = field.find(':');
    if (colon == field.npos) continue;
    std::string name(field.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    request.headers[name] = field.substr(std::min(colon + 2, field.size()));
  }
}

// Removes a body in the chunked coding, without extensions or trailers, from the front of `buffer`.
bool read_chunks(int socket, std::string& buffer, std::string& body) {
  while (true) {
    std::size_t end = std::string::npos;
    if (!read_until(socket, buffer, [&] { return (end = buffer.find("\r\n")) != buffer.npos; })) return false;
    const auto size = std::stoul(buffer, nullptr, 16);
    const auto whole = end + 2 + size + 2;
    if (!read_until(socket, buffer, [&] { return buffer.size() >= whole; })) return false;
    body.append(buffer, end + 2, size);
    buffer.erase(0, whole);
    if (size == 0) return true;
  }
}

std::string format(int status, std::string_view body, std::string_view type) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + " Any\r\nContent-Type: ";
  text.append(type)
      .append("\r\nContent-Length: ")
      .append(std::to_string(body.size()))
      .append("\r\n\r\n")
      .append(body);
  return text;
}

}  // namespace

std::string FakeRequest::secret() const {
  if (body.size() < 13) return {};
  auto text = body.substr(11, body.size() - 13);  // {"secret":"…"}
  std::erase(text, '\\');
  return text;
}

bool FakeEngine::Peer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

void FakeEngine::Peer::answer(int status, std::string_view body, std::string_view type) {
  send(format(status, body, type));
}

std::string FakeEngine::Peer::format_answer(const FakeRequest& question, std::string_view decision) {
  std::string body(decision.substr(0, decision.rfind('}')));
  if (body.size() > 1) body += ',';
  body += "\"secret_sha256\":\"" + engine::to_hex(engine::sha256(question.secret())) + "\"}";
  return format(200, body, "application/json");
}

void FakeEngine::Peer::answer_question(const FakeRequest& question, std::string_view decision) {
  send(format_answer(question, decision));
}

void FakeEngine::Peer::open_event_stream() {
  send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
}

bool FakeEngine::Peer::send_chunk(std::string_view bytes) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return send(size + std::string(bytes) + "\r\n");
}

bool FakeEngine::Peer::send_event(std::string_view data) {
  return send_chunk("data: " + std::string(data) + "\n\n");
}

std::string FakeEngine::Peer::receive() {
  char chunk[4096];
  const auto n = recv(socket_, chunk, sizeof chunk, 0);
  return n <= 0 ? std::string() : std::string(chunk, static_cast<std::size_t>(n));
}

void FakeEngine::Peer::close() {
  closed_ = true;
  shutdown(socket_, SHUT_RDWR);
}

bool FakeEngine::Peer::is_open() {
  pollfd poll_for{socket_, POLLRDHUP, 0};
  return !closed_ && poll(&poll_for, 1, 0) == 0;
}

void FakeEngine::Peer::wait_until_closed() {
  pollfd poll_for{socket_, POLLRDHUP, 0};
  while (!closed_ && poll(&poll_for, 1, -1) <= 0) continue;
}

FakeEngine::FakeEngine(Handler handler, std::uint16_t port)
    : handler_(std::move(handler)), acceptor_([this](int socket) { accepted(socket); }, port) {}

FakeEngine::~FakeEngine() {
  acceptor_.stop();
  cut_connections();
  for (auto& thread : threads_) thread.join();
}

void FakeEngine::cut_connections() {
  std::lock_guard lock(mutex_);
  for (const int socket : sockets_) shutdown(socket, SHUT_RDWR);
}

void FakeEngine::accepted(int socket) {
  std::lock_guard lock(mutex_);
  sockets_.push_back(socket);
  threads_.emplace_back([this, socket, number = ++connections_] { serve(socket, number); });
}

void FakeEngine::serve(int socket, int number) {
  std::string buffer;
  Peer peer(socket);
  while (true) {
    std::size_t head_end = std::string::npos;
    if (!read_until(socket, buffer, [&] { return (head_end = buffer.find("\r\n\r\n")) != buffer.npos; }))
      break;
    FakeRequest request;
    request.connection = number;
    parse_head(std::string_view(buffer).substr(0, head_end), request);
    buffer.erase(0, head_end + 4);
    if (request.headers.contains("transfer-encoding")) {
      if (!read_chunks(socket, buffer, request.body)) break;
    } else {
      const auto length = request.headers.find("content-length");
      const std::size_t size = length == request.headers.end() ? 0 : std::stoul(length->second);
      if (!read_until(socket, buffer, [&] { return buffer.size() >= size; })) break;
      request.body = buffer.substr(0, size);
      buffer.erase(0, size);
    }
    ++requests_;
    handler_(request, peer);
    if (peer.has_closed()) break;  // it would still read what has arrived
  }
  std::lock_guard lock(mutex_);
  sockets_.remove(socket);
  close(socket);
}

}  // namespace revoked::test
