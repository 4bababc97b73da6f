#include "cache/edge/engine_client.hpp"

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <stdexcept>
#include <utility>

#include "cache/edge/engine_choice.hpp"
#include "cache/edge/feed_stream.hpp"
#include "cache/edge/open_questions.hpp"
#include "cache/edge/page_fetches.hpp"
#include "cache/edge/question_sender.hpp"
#include "cache/edge/report_sender.hpp"

namespace revoked::cache {

using engine::errc;

namespace {

std::string request_head(const EngineClient::Options& options) {
  const auto& credential = options.credential;
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(credential.begin(), credential.end(), is_control))
    throw std::invalid_argument("the credential for the engine contains a control character");
  return "Authorization: Bearer " + credential + "\r\nUser-Agent: revoked-gateway\r\n";
}

std::shared_ptr<EngineChoice> engines_of(asio::io_context& io, const EngineClient::Options& options) {
  std::shared_ptr<TlsClient> tls;
  std::vector<EngineChoice::Pointer> engines;
  for (const auto& address : options.addresses) {
    const auto& [host, port, is_encrypted] = address;
    if (is_encrypted && !tls) tls = std::make_shared<TlsClient>(options.tls);
    auto origin = std::make_shared<HttpOrigin>(io, host, port, is_encrypted ? tls : nullptr);
    engines.push_back(std::make_shared<const EngineChoice::Engine>(EngineChoice::Engine{
        format_http_url(address), "Host: " + format_endpoint(host, port) + "\r\n", std::move(origin)}));
  }
  return std::make_shared<EngineChoice>(std::move(engines), options.longest_pause);
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
      options_(options),
      head_(request_head(options)),
      engines_(engines_of(io, options)),
      questions_(std::make_shared<OpenQuestions>(io, options, head_, [this] { sender_->send_queued(); })),
      sender_(std::make_shared<QuestionSender>(io, engines_, options, questions_)),
      pages_(std::make_shared<PageFetches>(io, engines_, head_, options.page_timeout)),
      reports_(
          std::make_shared<ReportSender>(io, engines_, head_, options.report_timeout, options.on_reported)),
      usage_(std::make_shared<ReportSender>(io, engines_, head_, options.usage_timeout,
                                            options.on_usage_reported)) {
  engines_->set_listener([this](std::string_view reason) { on_engine_changed(reason); });
}

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
  const FeedStream::Timeouts timeouts{options_.stream_open_timeout, options_.stream_silence_timeout};
  stream_ = std::make_unique<FeedStream>(io_, engines_, head_, timeouts, std::move(handlers));
}

void EngineClient::stop_stream() { stream_.reset(); }

void EngineClient::report(std::string json) { reports_->send(std::move(json)); }

void EngineClient::report_usage(std::string json) { usage_->send(std::move(json)); }

bool EngineClient::has_reported() const { return reports_->is_idle() && usage_->is_idle(); }

const std::string& EngineClient::engine() const { return engines_->in_use()->url; }

void EngineClient::leave_engine(std::string_view reason) { engines_->failed(engines_->in_use(), reason); }

// The callback is last: it may ask for a page.
void EngineClient::on_engine_changed(std::string_view reason) {
  sender_->on_engine_changed();
  pages_->on_engine_changed();
  reports_->on_engine_changed();
  usage_->on_engine_changed();
  if (stream_) stream_->on_engine_changed();
  if (options_.on_engine_changed) options_.on_engine_changed(reason);
}

void EngineClient::stop() {
  if (std::exchange(stopped_, true)) return;
  engines_->set_listener(nullptr);
  stream_.reset();
  sender_->stop();
  questions_->stop();
  pages_->stop();
  reports_->stop();
  usage_->stop();
}

}  // namespace revoked::cache
