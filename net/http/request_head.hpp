#pragma once
// Reads and checks the head of a request before anything acts on it. As strict as RFC 9110 and RFC 9112 allow
// a server to be: whatever two servers in a row could read differently is refused, since that enables request
// smuggling. Beast accepts most of that, so it never sees a head.
//
// Refused: bare CR or LF, obs-fold, blanks before the colon, control characters, missing, repeated or
// malformed Host, more than one Content-Length, Authorization or API-key header, Content-Length together with
// Transfer-Encoding, any Transfer-Encoding but a single `chunked`, chunked in HTTP/1.0, a target that
// disagrees with Host. A target in absolute-form must be `http:` in any letter case: `https:` does not reach
// this server, and TLS proxies send paths.

#include <cstddef>
#include <string_view>

#include "net/http/request.hpp"

namespace revoked::net {

// Above what proxies forward (nginx: 4 lines of 8 KiB, and any number of headers), since many turn a 431 into
// a 500.
struct HeadLimits {
  std::size_t bytes = 64 << 10;
  std::size_t headers = 500;
  std::size_t target_bytes = 8 << 10;
};

struct HeadResult {
  enum class Kind { incomplete, complete, refused };
  Kind kind = Kind::incomplete;
  std::size_t size = 0;          // complete: bytes of the head
  unsigned status = 0;           // refused: the HTTP status to answer with before closing
  std::string_view reason = {};  // refused: for people
};

// `data`: the bytes of the request that have arrived, from its first byte.
HeadResult read_head(std::string_view data, const HeadLimits& limits, Request& request);

}  // namespace revoked::net
