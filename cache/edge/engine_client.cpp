#include "cache/edge/engine_client.hpp"

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <stdexcept>
#include <utility>

#include "cache/edge/feed_stream.hpp"
#include "cache/edge/open_questions.hpp"
#include "cache/edge/page_fetches.hpp"
#include "cache/edge/question_sender.hpp"
#include "cache/edge/report_sender.hpp"
#include "cache/wire/http_origin.hpp"

namespace revoked::cache {

using engine::errc;

namespace {

std::string request_head(const EngineClient::Options& options) {
  const auto& credential = options.credential;
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(credential.begin(), credential.end(), is_control))
    throw std::invalid_argument("the credential for the engine contains a control character");
  return "Host: " + format_endpoint(options.address.host, options.address.port) +
         "\r\nAuthorization: Bearer " + credential + "\r\nUser-Agent: revoked-gateway\r\n";
}

std::shared_ptr<HttpOrigin> origin_of(asio::io_context& io, const EngineClient::Options& options) {
  const auto& [host, port, is_encrypted] = options.address;
  return std::make_shared<HttpOrigin>(io, host, port,
                                      is_encrypted ? std::make_shared<TlsClient>(options.tls) : nullptr);
}

}  // namespace

Peer peer_of(std::string_view address) {
  error_code error;
  auto parsed = asio::ip::make_address(address, error);
  if (error) return 0;
  if (parsed.is_v6() && parsed.to_v6().is_v4_mapped())
    parsed = asio::ip::make_address_v4(asio::ip::v4_mapped, parsed.to_v6());
  if (parsed.is_v4()) return parsed.to_v4().to_uint();
  const auto bytes = parsed.to_v6().to_bytes();
  Peer peer = 0;
  for (int i = 0; i < 8; ++i) peer = peer << 8 | bytes[static_cast<std::size_t>(i)];
  return peer;
}

EngineClient::EngineClient(asio::io_context& io, const Options& options)
    : io_(io),
      head_(request_head(options)),
      origin_(origin_of(io, options)),
      questions_(std::make_shared<OpenQuestions>(io, options, head_, [this] { sender_->send_queued(); })),
      sender_(std::make_shared<QuestionSender>(io, origin_, options, questions_)),
      pages_(std::make_shared<PageFetches>(io, origin_, head_, options.page_timeout)),
      reports_(
          std::make_shared<ReportSender>(io, origin_, head_, options.report_timeout, options.on_reported)),
      usage_(std::make_shared<ReportSender>(io, origin_, head_, options.usage_timeout,
                                            options.on_usage_reported)) {}

EngineClient::~EngineClient() { stop(); }

void EngineClient::ask(const engine::Digest& digest, std::string_view secret, DecisionHandler done,
                       Asker asker) {
  asio::dispatch(io_, [questions = questions_, digest, text = std::string(secret), done = std::move(done),
                       asker = std::move(asker)]() mutable {
    questions->ask(digest, text, std::move(done), std::move(asker));
  });
}

void EngineClient::read_page(std::optional<Position> after, std::string_view journal, PageHandler done) {
  if (stopped_) return done(errc::not_ready);
  pages_->read(after, journal, std::move(done));
}

void EngineClient::start_stream(StreamHandlers handlers) {
  if (stopped_) return;
  stream_ = std::make_unique<FeedStream>(io_, origin_, head_, std::move(handlers));
}

void EngineClient::stop_stream() { stream_.reset(); }

void EngineClient::report(std::string json) { reports_->send(std::move(json)); }

void EngineClient::report_usage(std::string json) { usage_->send(std::move(json)); }

bool EngineClient::has_reported() const { return reports_->is_idle() && usage_->is_idle(); }

void EngineClient::stop() {
  if (std::exchange(stopped_, true)) return;
  stream_.reset();
  sender_->stop();
  questions_->stop();
  pages_->stop();
  reports_->stop();
  usage_->stop();
}

}  // namespace revoked::cache
