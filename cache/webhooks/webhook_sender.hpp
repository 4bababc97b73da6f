#pragma once
// Sends requests to the receiver of one webhook. The connection is kept for the next one; that the receiver
// has closed it meanwhile is not a failure.
//
// One thread, that of the io_context; several requests may be under way. Held by shared_ptr: its coroutines
// keep it until they end.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "cache/webhooks/webhook.hpp"
#include "cache/wire/asio.hpp"
#include "cache/wire/http_connection.hpp"
#include "cache/wire/http_origin.hpp"

namespace revoked::cache {

class WebhookSender {
 public:
  using Pointer = std::shared_ptr<WebhookSender>;
  // The status of the answer, or why there is none.
  using Result = engine::result<unsigned>;

  WebhookSender(asio::io_context& io, const Webhook& hook);

  static Task<Result> send(Pointer self, std::shared_ptr<const std::string> request,
                           std::chrono::milliseconds timeout);
  // Those under way fail.
  void stop();

 private:
  // A body is read only to keep the connection, no longer than this and not if it is larger.
  static constexpr std::chrono::seconds body_timeout{1};
  static constexpr std::size_t max_body_bytes = 64 << 10;
  static constexpr std::chrono::seconds longest_idle{30};  // something in between may drop it without a word

  using Clock = std::chrono::steady_clock;

  static Task<Result> exchange(Pointer self, HttpConnection::Pointer connection,
                               std::shared_ptr<const std::string> request, Clock::time_point deadline);
  HttpConnection::Pointer take_kept();
  void keep_or_close(const HttpConnection::Pointer& connection);

  asio::io_context& io_;
  const std::shared_ptr<HttpOrigin> origin_;
  std::vector<HttpConnection::Pointer> connections_;  // in use
  HttpConnection::Pointer kept_;                      // between requests; null: none
  Clock::time_point kept_until_{};
  bool stopped_ = false;
};

}  // namespace revoked::cache
