#include "net/session.hpp"

#include <algorithm>
#include <optional>

#include "net/body_reader.hpp"
#include "net/network_thread.hpp"
#include "net/problem.hpp"

namespace revoked::net {
namespace {

using Phase = Connection::Phase;

// Most answers are smaller than 1 KiB: past this, what has gathered is sent before going on.
constexpr std::size_t max_gathered_bytes = 256 << 10;

bool is_usable_request_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

// Answers what the guard refused. The connection closes: where the next request starts is not known any more.
void refuse(Connection& connection, unsigned status, std::string_view reason) {
  Response response(connection.output(), connection.thread().next_request_id(), false, false);
  send_problem(response, status, "bad_request", reason);
}

enum class Read { request, closed, refused };

bool takes_body(Connection& connection, const Request& request) {
  return (request.is_chunked || request.content_length > 0) &&
         connection.thread().service().takes_body(request);
}

// Waits for a head and, of a body whose length is known, all of it. `head_size` bytes are the head.
Task<Read> read_request(Connection& connection, Request& request, std::size_t& head_size) {
  const auto& limits = connection.thread().limits();
  std::size_t looked_at = 0;
  while (true) {
    const auto data = connection.received();
    // Only a finished line can change what the guard says; looking at every byte's arrival would be
    // quadratic.
    if (data.find('\n', looked_at) != std::string_view::npos || data.size() >= limits.head.bytes) {
      request = {};
      const auto head = read_head(data, limits.head, request);
      if (head.kind == HeadResult::Kind::refused) {
        refuse(connection, head.status, head.reason);
        co_return Read::refused;
      }
      if (head.kind == HeadResult::Kind::complete) {
        head_size = head.size;
        if (takes_body(connection, request)) co_return Read::request;
        if (request.content_length > limits.body_bytes) {
          refuse(connection, 413, "the body is too large");
          co_return Read::refused;
        }
        if (request.is_chunked) co_return Read::request;
        if (data.size() - head.size >= request.content_length) {
          request.body = data.substr(head.size, request.content_length);
          co_return Read::request;
        }
        if (connection.phase() != Phase::body) {
          connection.enter(Phase::body);
          if (request.expects_continue) connection.output().append("HTTP/1.1 100 Continue\r\n\r\n");
        }
        looked_at = 0;  // the views into the buffer do not survive the next read: look at the head again
      } else {
        looked_at = data.size();
      }
    }
    if (!connection.output().empty() && !co_await connection.flush()) co_return Read::closed;
    if (connection.phase() == Phase::handling) connection.enter(data.empty() ? Phase::idle : Phase::head);
    if (connection.phase() == Phase::idle && connection.thread().is_draining()) co_return Read::closed;
    if (!co_await connection.receive()) co_return Read::closed;
    if (connection.phase() == Phase::idle) connection.enter(Phase::head);
  }
}

// Moves the head out of the connection's buffer, where the body's pieces will come to lie.
void keep_head(Connection& connection, std::size_t head_size, Request& request, std::string& head) {
  head = connection.received().substr(0, head_size);
  connection.consume(head_size);
  request = {};
  read_head(head, connection.thread().limits().head, request);
}

Task<Read> read_chunked_body(Connection& connection, BodyReader& reader, Request& request,
                             std::string& body) {
  using Got = BodyReader::Got;
  body.clear();
  connection.enter(Phase::body);
  while (true) {
    // The deadline is that of the whole body.
    const auto got = co_await reader.next(BodyReader::Deadline::of_all);
    if (got == Got::closed) co_return Read::closed;
    if (got == Got::end) break;
    if (got == Got::malformed) {
      refuse(connection, 400, "malformed chunked body");
      co_return Read::refused;
    }
    if (got == Got::oversized) {
      refuse(connection, 413, "the body, or what its chunks carry besides, is too large");
      co_return Read::refused;
    }
    body.append(reader.piece());
  }
  request.body = body;
  co_return Read::request;
}

// A request that has arrived whole, behind others: false if there is none, or something is the matter with
// it.
bool take_request(Connection& connection, Request& request, std::size_t& head_size) {
  const auto data = connection.received();
  const auto head = read_head(data, connection.thread().limits().head, request);
  if (head.kind != HeadResult::Kind::complete || request.is_chunked || takes_body(connection, request) ||
      data.size() - head.size < request.content_length) {
    return false;
  }
  head_size = head.size;
  request.body = data.substr(head.size, request.content_length);
  return true;
}

void begin_answer(Connection& connection, Request& request) {
  connection.enter(Phase::handling);
  request.remote_address = connection.remote_address();
  auto asked_id = request[Header::x_request_id];
  if (!is_usable_request_id(asked_id)) asked_id = trace_id_of(request);
  // A copy: the thread's next request reuses its buffer.
  auto& id = connection.request_id();
  id = asked_id.empty() ? connection.thread().next_request_id() : asked_id;
  request.id = id;
}

// Answers everything that has arrived whole. False: close.
Task<bool> answer_arrived(Connection& connection) {
  auto& thread = connection.thread();
  engine::Sequence durable_after = 0;
  bool keep_alive = true;
  std::string head;  // of a request whose body is read in pieces
  std::string body;
  for (std::size_t count = 0; keep_alive && count < thread.limits().pipelined; ++count) {
    Request request;
    std::size_t head_size = 0;
    auto read = Read::request;
    if (count == 0) {
      read = co_await read_request(connection, request, head_size);
    } else if (connection.received().empty() || connection.output().size() > max_gathered_bytes ||
               !take_request(connection, request, head_size)) {
      break;
    }
    std::optional<BodyReader> reader;
    const bool streamed = read == Read::request && takes_body(connection, request);
    if (read == Read::request && (streamed || request.is_chunked)) {
      keep_head(connection, head_size, request, head);
      reader.emplace(connection, request, head, streamed ? 0 : thread.limits().body_bytes);
      if (!streamed) read = co_await read_chunked_body(connection, *reader, request, body);
    }
    if (read == Read::closed) co_return false;
    if (read == Read::refused) {
      keep_alive = false;
      break;
    }
    begin_answer(connection, request);
    Response response(connection.output(), request.id, request.keep_alive && !thread.is_draining(),
                      request.method == Method::head);
    if (request.is_http_1_0) response.announce_keep_alive();
    if (streamed) response.close_unless_read(reader->is_complete());
    Exchange exchange{request, response, connection, streamed ? &*reader : nullptr};
    auto outcome = thread.service().handle(exchange);
    durable_after = std::max(durable_after, outcome.durable_after);
    if (outcome.rest) {
      // It may send the output itself, and with it the answers before it: first comes what these wait for.
      if (durable_after != 0 && !co_await thread.durable(durable_after)) co_return false;
      auto rest = std::move(*outcome.rest);
      co_await std::move(rest);
    }
    keep_alive = response.keep_alive();
    if (!reader) connection.consume(head_size + request.content_length);
  }
  // Held back until the disk has it. If it never does, silence says "unknown" (P9).
  if (durable_after != 0 && !co_await thread.durable(durable_after)) co_return false;
  if (!keep_alive) {
    co_await connection.close_gently();
    co_return false;
  }
  co_return co_await connection.flush();
}

}  // namespace

Task<> run_session(NetworkThread& thread, Socket socket) {
  Connection connection(thread, std::move(socket));
  connection.enter(Phase::handling);
  while (co_await answer_arrived(connection)) {
  }
}

}  // namespace revoked::net
