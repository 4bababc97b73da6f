#include "cache/edge/page_fetches.hpp"

#include <boost/asio/co_spawn.hpp>
#include <utility>

#include "cache/edge/engine_status.hpp"
#include "cache/wire/http_connection.hpp"

namespace revoked::cache {

using engine::errc;

namespace {

constexpr std::size_t max_page_bytes = engine::max_page_bytes + engine::max_page_frame_bytes;
constexpr std::size_t page_limit = 1000;  // messages
constexpr std::size_t max_fetches = 4;    // pages read at once

engine::result<EngineClient::PageAnswer> decode(const HttpResponse& response) {
  EngineClient::PageAnswer answer;
  answer.gone = response.status == 410;
  if (!answer.gone && response.status != 200) return error_of_status(response.status);
  auto page = answer.gone ? decode_gone(response.body) : decode_page(response.body);
  if (page.has_error()) return page.error();
  answer.page = std::move(*page);
  return answer;
}

}  // namespace

struct PageFetches::Fetch {
  EngineChoice::Pointer engine;
  std::shared_ptr<const std::string> request;
  HttpConnection::Deadline deadline;
  EngineClient::PageHandler done;  // called once, then empty
  std::shared_ptr<HttpConnection> connection;

  void finish(const engine::result<EngineClient::PageAnswer>& answer) {
    if (const auto tell = std::exchange(done, nullptr)) tell(answer);
  }
};

PageFetches::PageFetches(asio::io_context& io, std::shared_ptr<EngineChoice> engines, std::string head,
                         std::chrono::milliseconds timeout)
    : io_(io), engines_(std::move(engines)), head_(std::move(head)), timeout_(timeout) {}

PageFetches::~PageFetches() = default;

void PageFetches::read(std::optional<Position> after, std::string_view journal,
                       EngineClient::PageHandler done) {
  if (fetches_.size() == max_fetches) return done(errc::overloaded);
  std::string request = "GET /v1/invalidations?";
  if (after) {
    request += "after=";
    append_position(request, *after);
    if (!journal.empty()) request.append("&journal=").append(journal);
    request += '&';
  }
  auto fetch = std::make_shared<Fetch>();
  fetch->engine = engines_->in_use();
  request += "limit=" + std::to_string(page_limit) + " HTTP/1.1\r\n" + fetch->engine->host_line + head_ +
             "Accept: application/json\r\n\r\n";
  fetch->request = std::make_shared<const std::string>(std::move(request));
  fetch->deadline = std::chrono::steady_clock::now() + timeout_;
  fetch->connection = std::make_shared<HttpConnection>(io_);
  fetch->done = std::move(done);
  fetches_.push_back(fetch);
  asio::co_spawn(io_.get_executor(), run(shared_from_this(), std::move(fetch)), rethrow);
}

Task<> PageFetches::run(std::shared_ptr<PageFetches> self, std::shared_ptr<Fetch> fetch) {
  const auto connected =
      co_await HttpConnection::connect(fetch->connection, fetch->engine->origin, fetch->deadline);
  engine::result<HttpResponse> response = errc::unavailable;
  if (connected.has_error()) {
    response = connected.error();
  } else {
    response =
        co_await HttpConnection::exchange(fetch->connection, fetch->request, max_page_bytes, fetch->deadline);
  }
  fetch->connection->close();
  std::erase(self->fetches_, fetch);
  if (!fetch->done) co_return;  // stopped
  if (response.has_error()) {
    if (response.error() != errc::malformed)
      self->engines_->failed(fetch->engine, "no page: " + response.error().message());
    fetch->finish(response.error());
  } else {
    if (is_out_of_service(response->status))
      self->engines_->failed(fetch->engine, "status " + std::to_string(response->status));
    fetch->finish(decode(*response));
  }
}

void PageFetches::on_engine_changed() {
  for (const auto& fetch : fetches_) {
    if (fetch->engine != engines_->in_use()) fetch->connection->close();
  }
}

void PageFetches::stop() {
  const auto fetches = fetches_;
  for (const auto& fetch : fetches) fetch->connection->close();
  for (const auto& fetch : fetches) fetch->finish(errc::not_ready);
}

}  // namespace revoked::cache
