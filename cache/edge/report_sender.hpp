#pragma once
// Sends a gateway's reports to the engine over HTTP, one at a time on a kept connection. A report that
// arrives meanwhile waits; a later one replaces it, since it says all that the earlier one does. A report
// that fails is no reason to use another engine: one that passes them on may miss only the leader. One
// thread, that of the io_context. Held by shared_ptr: its coroutine keeps it until it ends.

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "cache/edge/engine_choice.hpp"
#include "cache/wire/http_connection.hpp"

namespace revoked::cache {

class ReportSender : public std::enable_shared_from_this<ReportSender> {
 public:
  using OnResult = std::function<void(boost::system::error_code error)>;

  // `head`: the header lines of a request after "Host:", each with its line end. `on_result` is called after
  // each report, until stop().
  ReportSender(asio::io_context& io, std::shared_ptr<EngineChoice> engines, std::string head,
               std::chrono::milliseconds timeout, OnResult on_result);

  void send(std::string report);
  bool is_idle() const { return !running_; }
  // A report on its way to another engine than the one in use fails.
  void on_engine_changed();
  void stop();

 private:
  static Task<> run(std::shared_ptr<ReportSender> self);
  // One report; reconnects if the engine has closed the connection meanwhile, or is another one.
  static Task<boost::system::error_code> post(std::shared_ptr<ReportSender> self, std::string report);

  asio::io_context& io_;
  const std::shared_ptr<EngineChoice> engines_;
  const std::string head_;
  const std::chrono::milliseconds timeout_;
  OnResult on_result_;
  std::shared_ptr<HttpConnection> connection_;
  EngineChoice::Pointer engine_;  // to which it is
  std::string waiting_;           // empty: none
  bool running_ = false;
  bool stopped_ = false;
};

}  // namespace revoked::cache
