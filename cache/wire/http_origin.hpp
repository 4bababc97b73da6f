#pragma once
// Where requests go: an HTTP or HTTPS server (RFC 9110, section 4.3). Shared by its connections. One thread.

#include <memory>
#include <string>
#include <utility>

#include "cache/wire/endpoint.hpp"
#include "cache/wire/tls.hpp"

namespace revoked::cache {

struct HttpOrigin {
  HttpOrigin(asio::io_context& io, const std::string& host_, std::uint16_t port,
             std::shared_ptr<TlsClient> tls_ = {})
      : host(host_), addresses(io, host_, port), tls(std::move(tls_)) {}

  std::string host;
  NameLookup addresses;
  std::shared_ptr<TlsClient> tls;  // null: not encrypted
};

}  // namespace revoked::cache
