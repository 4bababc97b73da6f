#pragma once
// Sends a gateway's reports to the engine over HTTP, one at a time on a kept connection. A report that
// arrives meanwhile waits; a later one replaces it, since it says all that the earlier one does. One thread,
// that of the io_context. Held by shared_ptr: its coroutine keeps it until it ends.

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "cache/wire/http_connection.hpp"
#include "cache/wire/http_origin.hpp"

namespace revoked::cache {

class ReportSender : public std::enable_shared_from_this<ReportSender> {
 public:
  using OnResult = std::function<void(boost::system::error_code error)>;

  // `head`: the header lines of a request, from "Host:", each with its line end. `on_result` is called after
  // each report, until stop().
  ReportSender(asio::io_context& io, std::shared_ptr<HttpOrigin> origin, std::string head,
               std::chrono::milliseconds timeout, OnResult on_result);

  void send(std::string report);
  bool is_idle() const { return !running_; }
  void stop();

 private:
  static Task<> run(std::shared_ptr<ReportSender> self);
  // Of one report; reconnects if the engine has closed the connection meanwhile.
  static Task<boost::system::error_code> post(std::shared_ptr<ReportSender> self,
                                              std::shared_ptr<const std::string> request);

  asio::io_context& io_;
  const std::shared_ptr<HttpOrigin> origin_;
  const std::string head_;
  const std::chrono::milliseconds timeout_;
  OnResult on_result_;
  std::shared_ptr<HttpConnection> connection_;
  std::string waiting_;  // empty: none
  bool running_ = false;
  bool stopped_ = false;
};

}  // namespace revoked::cache
