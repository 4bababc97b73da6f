// A connection: whatever bytes it carries, the server sees exactly the requests that a strict parser sees, in
// that order and with those bodies; it answers each of them, or closes. The first byte selects how bodies are
// read.

#include "engine/base/digest.hpp"
#include "tests/fuzz/served.hpp"

namespace revoked::session_fuzz {

// Answers with the request.
class Echo final : public net::Service {
 public:
  bool takes_body(const net::Request& request) const override { return request.path.starts_with("/piece"); }
  net::Outcome handle(net::Exchange& exchange) override {
    if (exchange.body != nullptr) return {0, read(exchange)};
    answer(exchange, exchange.request.body);
    return {};
  }

 private:
  static net::Task<> read(net::Exchange exchange) {
    using Got = net::BodyReader::Got;
    std::string body;
    while (true) {
      const auto got = co_await exchange.body->next();
      if (got == Got::piece) {
        body.append(exchange.body->piece());
        continue;
      }
      if (got == Got::end) {
        answer(exchange, body);
      } else {
        exchange.response.close_after();
        exchange.response.send(400, "text/plain", "malformed");
      }
      co_return;
    }
  }
  static void answer(net::Exchange& exchange, std::string_view body) {
    exchange.response.header("X-Path", exchange.request.path);
    exchange.response.header("X-Body", engine::to_hex(engine::sha256(body)));
    exchange.response.send(200, "text/plain", "ok");
  }
};

// The chunked coding of RFC 9112, section 7.1, strictly. False: malformed or incomplete.
bool take_chunks(std::string_view& bytes, std::string& body) {
  while (true) {
    const auto end = bytes.find("\r\n");
    if (end == bytes.npos) return false;
    const auto line = bytes.substr(0, end);
    const auto digits = std::min(line.find_first_not_of("0123456789abcdefABCDEF"), line.size());
    const auto first = std::min(line.find_first_not_of('0'), digits);
    if (digits == 0 || digits - first > 15) return false;
    const auto after = line.substr(digits);
    // An extension, possibly after blanks.
    const auto extension = after.substr(std::min(after.find_first_not_of(" \t"), after.size()));
    if (!after.empty() && !extension.starts_with(';')) return false;
    for (const unsigned char c : after) {
      if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
    }
    const auto size = std::stoull(std::string(line.substr(0, digits)), nullptr, 16);
    bytes.remove_prefix(end + 2);
    if (size == 0) break;
    if (bytes.size() < size + 2 || bytes.substr(size, 2) != "\r\n") return false;
    body.append(bytes.substr(0, size));
    bytes.remove_prefix(size + 2);
  }
  bool may_fold = false;
  while (!bytes.starts_with("\r\n")) {  // trailers are ignored, also folded ones
    const auto end = bytes.find("\r\n");
    if (end == bytes.npos) return false;
    const auto line = bytes.substr(0, end);
    for (const unsigned char c : line) {
      if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
    }
    if (may_fold && (line.starts_with(' ') || line.starts_with('\t'))) {
      bytes.remove_prefix(end + 2);
      continue;
    }
    may_fold = true;
    const auto colon = line.find(':');
    if (colon == line.npos || colon == 0) return false;
    if (line.substr(0, colon).find_first_not_of("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != line.npos)
      return false;
    bytes.remove_prefix(end + 2);
  }
  bytes.remove_prefix(2);
  return true;
}

FUZZ_TARGET(session) {
  static Echo echo;
  static net::Server server(fuzz::loopback(), echo, nullptr);
  const auto bytes = fuzz::text_of(data, size);
  const auto answers = fuzz::exchange(server.port(), bytes);
  std::string_view left = answers;
  auto rest = bytes;
  while (true) {
    net::Request request;
    const auto head = net::read_head(rest, {}, request);
    if (head.kind != net::HeadResult::Kind::complete) break;
    auto behind = rest.substr(head.size);
    std::string body;
    bool is_whole = true;
    if (request.is_chunked) {
      is_whole = take_chunks(behind, body);
    } else {
      is_whole = behind.size() >= request.content_length;
      if (is_whole) body = behind.substr(0, request.content_length);
      if (is_whole) behind.remove_prefix(request.content_length);
    }
    const bool is_head = request.method == net::Method::head;
    const auto answer = fuzz::take_answer(left, is_head);
    if (!is_whole) {
      // Refused or no answer; nothing that follows may have been treated as a request.
      REQUIRE(!answer || answer->status >= 400);
      REQUIRE(left.empty());
      return 0;
    }
    if (!answer) return 0;  // closed: possibly too large
    if (answer->status != 200) {
      REQUIRE(answer->status == 400 || answer->status == 413);
      REQUIRE(left.empty());
      return 0;
    }
    REQUIRE(answer->header("X-Path") == request.path);
    REQUIRE(answer->header("X-Body") == engine::to_hex(engine::sha256(body)));
    rest = behind;
    if (!request.keep_alive) break;
  }
  // Bytes after the last valid request were refused, or there were none.
  const auto last = fuzz::take_answer(left);
  REQUIRE(!last || last->status >= 400);
  REQUIRE(left.empty());
  return 0;
}

}  // namespace revoked::session_fuzz
