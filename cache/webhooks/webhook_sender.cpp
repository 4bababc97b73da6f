#include "cache/webhooks/webhook_sender.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace revoked::cache {

using engine::errc;

namespace {

std::shared_ptr<HttpOrigin> origin_of(asio::io_context& io, const Webhook& hook) {
  std::shared_ptr<TlsClient> tls;
  if (hook.is_encrypted)
    tls = std::make_shared<TlsClient>(
        TlsClientOptions{.ca_file = hook.ca_file, .certificate_file = {}, .key_file = {}});
  return std::make_shared<HttpOrigin>(io, hook.host, hook.port, std::move(tls));
}

}  // namespace

WebhookSender::WebhookSender(asio::io_context& io, const Webhook& hook)
    : io_(io), origin_(origin_of(io, hook)) {}

void WebhookSender::stop() {
  stopped_ = true;
  for (const auto& connection : connections_) connection->close();
  if (kept_) kept_->close();
}

Task<WebhookSender::Result> WebhookSender::send(Pointer self, std::shared_ptr<const std::string> request,
                                                std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  if (const auto kept = self->take_kept()) {
    const auto result = co_await exchange(self, kept, request, deadline);
    const bool was_closed =
        result.has_error() && result.error() == errc::unavailable && kept->has_received_nothing();
    if (!was_closed || self->stopped_) co_return result;
  }
  const auto connection = std::make_shared<HttpConnection>(self->io_);
  self->connections_.push_back(connection);
  const auto connected = co_await HttpConnection::connect(connection, self->origin_, deadline);
  std::erase(self->connections_, connection);
  if (connected.has_error()) co_return connected.error();
  co_return co_await exchange(self, connection, request, deadline);
}

// The status is known once the head is there: what the body is like changes nothing.
Task<WebhookSender::Result> WebhookSender::exchange(Pointer self, HttpConnection::Pointer connection,
                                                    std::shared_ptr<const std::string> request,
                                                    Clock::time_point deadline) {
  self->connections_.push_back(connection);
  Result result = errc::unavailable;
  const auto answer = co_await HttpConnection::open_stream(connection, request, deadline);
  if (answer.has_error()) {
    result = answer.error();
  } else {
    result = (*answer)->get().result_int();
    const auto until = std::min(deadline, Clock::now() + body_timeout);
    std::array<char, 4096> chunk;
    std::size_t last = (*answer)->keep_alive() ? 1 : 0;
    for (std::size_t size = 0; last != 0 && size < max_body_bytes; size += last) {
      const auto read = co_await HttpConnection::read_stream(connection, *answer, asio::buffer(chunk), until);
      last = read.has_error() ? 0 : *read;
    }
  }
  std::erase(self->connections_, connection);
  self->keep_or_close(connection);
  co_return result;
}

// Null: there is none that can be used again.
HttpConnection::Pointer WebhookSender::take_kept() {
  auto kept = std::exchange(kept_, nullptr);
  if (!kept || (kept->is_reusable() && Clock::now() < kept_until_)) return kept;
  kept->close();
  return nullptr;
}

void WebhookSender::keep_or_close(const HttpConnection::Pointer& connection) {
  if (stopped_ || kept_ || !connection->is_reusable()) return connection->close();
  kept_ = connection;
  kept_until_ = Clock::now() + longest_idle;
}

}  // namespace revoked::cache
