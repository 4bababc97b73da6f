#pragma once
// Heads of requests and the verdict of read_head(). The same tables are read whole and in pieces.

#include <string>
#include <string_view>
#include <vector>

#include "net/http/request_head.hpp"

namespace revoked::net::test {

struct HeadCase {
  std::string_view what;
  std::string head;
  unsigned status = 0;  // of the refusal; 0: it passes
};

inline std::string with_headers(std::string_view headers, std::string_view line = "GET / HTTP/1.1") {
  return std::string(line).append("\r\nHost: a\r\n").append(headers).append("\r\n");
}

inline std::string with_line(std::string_view line) { return with_headers("", line); }

inline std::string with_host(std::string_view host_headers, std::string_view line = "GET / HTTP/1.1") {
  return std::string(line).append("\r\n").append(host_headers).append("\r\n");
}

// Whatever two servers in a row could read differently.
inline std::vector<HeadCase> smuggling_cases() {
  using namespace std::string_literals;
  return {
      {"length beside coding", with_headers("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"coding beside length", with_headers("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"), 400},
      {"empty length beside coding", with_headers("Content-Length:\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"gzip beside length", with_headers("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n"), 400},
      {"gzip", with_headers("Transfer-Encoding: gzip\r\n"), 400},
      {"identity", with_headers("Transfer-Encoding: identity\r\n"), 400},
      {"xchunked", with_headers("Transfer-Encoding: xchunked\r\n"), 400},
      {"empty coding", with_headers("Transfer-Encoding:\r\n"), 400},
      {"empty coding beside length", with_headers("Transfer-Encoding: \r\nContent-Length: 5\r\n"), 400},
      {"chunked, identity", with_headers("Transfer-Encoding: chunked, identity\r\n"), 400},
      {"gzip, chunked", with_headers("Transfer-Encoding: gzip, chunked\r\n"), 400},
      {"chunked twice in one", with_headers("Transfer-Encoding: chunked, chunked\r\n"), 400},
      {"chunked twice", with_headers("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"coding after empty coding", with_headers("Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n"),
       400},
      {"coding with parameter", with_headers("Transfer-Encoding: chunked;q=1\r\n"), 400},
      {"quoted coding", with_headers("Transfer-Encoding: \"chunked\"\r\n"), 400},
      {"vertical tab before coding", with_headers("Transfer-Encoding: \vchunked\r\n"), 400},
      {"NUL behind coding", with_headers("Transfer-Encoding: chunked\0\r\n"s), 400},
      {"blank before colon", with_headers("Transfer-Encoding : chunked\r\n"), 400},
      {"tab before colon", with_headers("Content-Length\t: 5\r\n"), 400},
      {"folded coding", with_headers("Transfer-Encoding:\r\n chunked\r\n"), 400},
      {"folded value", with_headers("X-A: b\r\n c\r\n"), 400},
      {"folded with a tab", with_headers("X-A: b\r\n\tc\r\n"), 400},
      {"blank before the first header", with_host(" Host: a\r\n"), 400},
      {"chunked in HTTP/1.0", with_headers("Transfer-Encoding: chunked\r\n", "POST / HTTP/1.0"), 400},
      {"two lengths", with_headers("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
      {"two equal lengths", with_headers("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
      {"two lengths of other case", with_headers("Content-Length: 5\r\ncontent-LENGTH: 5\r\n"), 400},
      {"list of lengths", with_headers("Content-Length: 5, 5\r\n"), 400},
      {"signed length", with_headers("Content-Length: +5\r\n"), 400},
      {"negative length", with_headers("Content-Length: -5\r\n"), 400},
      {"empty length", with_headers("Content-Length:\r\n"), 400},
      {"hexadecimal length", with_headers("Content-Length: 0x5\r\n"), 400},
      {"length with a fraction", with_headers("Content-Length: 5.0\r\n"), 400},
      {"length of blanks between digits", with_headers("Content-Length: 1 2\r\n"), 400},
      {"length past 64 bits", with_headers("Content-Length: 18446744073709551616\r\n"), 400},
      {"bare LF behind the line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
      {"bare LF behind a header", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
      {"bare LF as the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
      {"bare CR in a value", with_headers("X-A: b\rTransfer-Encoding: chunked\r\n"), 400},
      {"bare CR in a name", with_headers("X\r-A: b\r\n"), 400},
      {"CR CR LF", with_headers("X-A: b\r\r\n"), 400},
      {"bare CR in the target", with_line("GET /\r HTTP/1.1"), 400},
      {"NUL in a value", with_headers("X-A: b\0c\r\n"s), 400},
      {"NUL in a name", with_headers("X\0A: b\r\n"s), 400},
      {"DEL in a value", with_headers("X-A: b\x7f\r\n"), 400},
      {"header without a colon", with_headers("Transfer-Encoding chunked\r\n"), 400},
      {"header without a name", with_headers(": chunked\r\n"), 400},
      {"name that is no token", with_headers("Transfer(Encoding): chunked\r\n"), 400},
      {"long name that is no token", with_headers("X-" + std::string(40, 'a') + "(b: c\r\n"), 400},
      {"name beyond ASCII", with_headers("X-\xc3\xa4: b\r\n"), 400},
      {"two credentials", with_headers("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"), 400},
      {"two API keys", with_headers("X-API-Key: a\r\nx-api-key: a\r\n"), 400},
      {"empty and full API key", with_headers("X-API-Key:\r\nX-API-Key: a\r\n"), 400},
      {"two master keys", with_headers("x-flowplate-master-key: a\r\nX-Flowplate-Master-Key: b\r\n"), 400},
      {"two content types", with_headers("Content-Type: a/b\r\nContent-Type: a/b\r\n"), 400},
      {"two idempotency keys", with_headers("Idempotency-Key: a\r\nIdempotency-Key: b\r\n"), 400},
      {"two last event ids", with_headers("Last-Event-ID: 1-1\r\nLast-Event-ID: 1-2\r\n"), 400},
      {"two expectations", with_headers("Expect: 100-continue\r\nExpect: 100-continue\r\n"), 400},
  };
}

inline std::vector<HeadCase> refused_cases() {
  using namespace std::string_literals;
  return {
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two Hosts", with_host("Host: a\r\nHost: a\r\n"), 400},
      {"list of Hosts", with_host("Host: a, b\r\n"), 400},
      {"Host with a path", with_host("Host: a/b\r\n"), 400},
      {"Host with user information", with_host("Host: u@a\r\n"), 400},
      {"Host beyond ASCII", with_host("Host: \xc3\xa4\r\n"), 400},
      {"target disagrees with Host", with_host("Host: a\r\n", "GET http://b/ HTTP/1.1"), 400},
      {"target's port disagrees", with_host("Host: a\r\n", "GET http://a:80/ HTTP/1.1"), 400},
      {"absolute target, empty Host", with_host("Host:\r\n", "GET http://a/ HTTP/1.1"), 400},
      {"absolute target in HTTP/1.0 without Host", "GET http://a/ HTTP/1.0\r\n\r\n", 400},
      {"user information in the target", with_host("Host: a\r\n", "GET http://u@a/ HTTP/1.1"), 400},
      {"absolute target without a host", with_line("GET http:///x HTTP/1.1"), 400},
      {"malformed Host", with_host("Host: ]\r\n"), 400},
      {"malformed port", with_host("Host: a:b\r\n"), 400},
      {"malformed Host in target and header", with_host("Host: a:b\r\n", "GET http://a:b/ HTTP/1.1"), 400},
      {"absolute target without a host but with a query", with_line("GET http://?x HTTP/1.1"), 400},
      {"another scheme", with_line("GET https://a/ HTTP/1.1"), 400},
      {"another scheme in upper case", with_line("GET HTTPS://a/ HTTP/1.1"), 400},
      {"target of another authority", with_line("CONNECT a:80 HTTP/1.1"), 400},
      {"authority for other methods", with_host("Host: a:80\r\n", "GET a:80 HTTP/1.1"), 400},
      {"tunnel to nowhere", with_line("CONNECT  HTTP/1.1"), 400},
      {"star with a query", with_line("OPTIONS *?x HTTP/1.1"), 400},
      {"star for other methods", with_line("GET * HTTP/1.1"), 400},
      {"relative target", with_line("GET x HTTP/1.1"), 400},
      {"empty target", with_line("GET  HTTP/1.1"), 400},
      {"fragment", with_line("GET /#x HTTP/1.1"), 400},
      {"target beyond ASCII", with_line("GET /\xc3\xa4 HTTP/1.1"), 400},
      {"NUL in the target", with_line("GET /\0 HTTP/1.1"s), 400},
      {"tab between the parts", with_line("GET\t/\tHTTP/1.1"), 400},
      {"two blanks before the target", with_line("GET  / HTTP/1.1"), 400},
      {"two blanks before the version", with_line("GET /  HTTP/1.1"), 400},
      {"blank first", with_line(" GET / HTTP/1.1"), 400},
      {"blank behind the version", with_line("GET / HTTP/1.1 "), 505},
      {"no version", with_line("GET /"), 400},
      {"no target", with_line("GET"), 400},
      {"method that is no token", with_line("G@T / HTTP/1.1"), 400},
      {"HTTP/0.9", with_line("GET / HTTP/0.9"), 505},
      {"HTTP/2.0", with_line("GET / HTTP/2.0"), 505},
      {"HTTP/1.2", with_line("GET / HTTP/1.2"), 505},
      {"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"lower-case version", with_line("GET / http/1.1"), 400},
      {"TLS", "\x16\x03\x01\x02\r\n\r\n", 400},
      {"two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"unknown expectation", with_headers("Expect: 200-ok\r\n"), 417},
      {"empty expectation", with_headers("Expect:\r\n"), 417},
      {"target over its limit",
       with_line("GET /" + std::string(HeadLimits().target_bytes, 'a') + " HTTP/1.1"), 414},
  };
}

inline std::vector<HeadCase> passing_cases() {
  return {
      {"plain", with_headers("")},
      {"empty line first", "\r\n" + with_headers("")},
      {"query", with_line("DELETE /v1/keys/a%20b?reason=x&y HTTP/1.1")},
      {"body", with_headers("Content-Length: 12\r\n", "POST / HTTP/1.1")},
      {"length with blanks around", with_headers("Content-Length: \t 12 \t\r\n", "POST / HTTP/1.1")},
      {"chunked", with_headers("Transfer-Encoding: chunked\r\n", "POST / HTTP/1.1")},
      {"chunked of any case", with_headers("transfer-ENCODING:ChUnKeD\r\n", "POST / HTTP/1.1")},
      {"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n"},
      {"absolute target", with_host("Host: A:80\r\n", "GET http://a:80/x?y HTTP/1.1")},
      {"absolute target without a path", with_host("Host: a\r\n", "GET http://a HTTP/1.1")},
      {"absolute target of any case", with_host("Host: a\r\n", "GET HTTP://A/ HTTP/1.1")},
      {"absolute target with a query alone", with_host("Host: a\r\n", "GET http://a?x HTTP/1.1")},
      {"server of an absolute target", with_host("Host: a\r\n", "OPTIONS http://a HTTP/1.1")},
      {"tunnel", with_host("Host: a:80\r\n", "CONNECT a:80 HTTP/1.1")},
      {"empty Host", with_host("Host:\r\n")},
      {"IPv6 Host", with_host("Host: [::1]:7385\r\n")},
      {"star", with_line("OPTIONS * HTTP/1.1")},
      {"expectation", with_headers("Expect: 100-Continue\r\nContent-Length: 1\r\n", "POST / HTTP/1.1")},
      {"text beyond ASCII in a value", with_headers("X-A: \xc3\xa4\r\n")},
      {"empty value", with_headers("X-A:\r\nX-B: \t\r\n")},
      {"repeated harmless headers", with_headers("Accept: a/b\r\nAccept: c/d\r\nPrefer: a\r\nPrefer: b\r\n")},
      {"method of its own", with_line("BREW / HTTP/1.1")},
  };
}

}  // namespace revoked::net::test
