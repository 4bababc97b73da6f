#include "cache/edge/report_sender.hpp"

#include <boost/asio/co_spawn.hpp>
#include <utility>

#include "cache/edge/engine_status.hpp"

namespace revoked::cache {
namespace {

constexpr std::size_t max_answer_bytes = 64 << 10;

}  // namespace

ReportSender::ReportSender(asio::io_context& io, std::shared_ptr<EngineChoice> engines, std::string head,
                           std::chrono::milliseconds timeout, OnResult on_result)
    : io_(io),
      engines_(std::move(engines)),
      head_(std::move(head)),
      timeout_(timeout),
      on_result_(std::move(on_result)) {}

void ReportSender::send(std::string report) {
  if (stopped_) return;
  waiting_ = std::move(report);
  if (std::exchange(running_, true)) return;
  asio::co_spawn(io_.get_executor(), run(shared_from_this()), rethrow);
}

void ReportSender::stop() {
  stopped_ = true;
  on_result_ = nullptr;
  if (connection_) connection_->close();
}

void ReportSender::on_engine_changed() {
  if (connection_ && engine_ != engines_->in_use()) connection_->close();
}

Task<> ReportSender::run(std::shared_ptr<ReportSender> self) {
  while (!self->waiting_.empty() && !self->stopped_) {
    auto report = std::exchange(self->waiting_, {});
    const auto error = co_await post(self, std::move(report));
    if (self->on_result_) self->on_result_(error);
  }
  self->running_ = false;
}

Task<boost::system::error_code> ReportSender::post(std::shared_ptr<ReportSender> self, std::string report) {
  const auto deadline = std::chrono::steady_clock::now() + self->timeout_;
  const auto engine = self->engines_->in_use();
  if (engine != self->engine_ || !self->connection_->is_reusable()) {
    self->connection_ = std::make_shared<HttpConnection>(self->io_);
    self->engine_ = engine;
    const auto connected = co_await HttpConnection::connect(self->connection_, engine->origin, deadline);
    if (connected.has_error()) co_return connected.error();
  }
  const auto connection = self->connection_;
  const auto request = std::make_shared<const std::string>(
      "POST /v1/gateways/report HTTP/1.1\r\n" + engine->host_line + self->head_ +
      "Content-Type: application/json\r\nContent-Length: " + std::to_string(report.size()) + "\r\n\r\n" +
      report);
  const auto answer = co_await HttpConnection::exchange(connection, request, max_answer_bytes, deadline);
  if (answer.has_error()) co_return answer.error();
  if (answer->status / 100 != 2) co_return error_of_status(answer->status);
  co_return boost::system::error_code();
}

}  // namespace revoked::cache
