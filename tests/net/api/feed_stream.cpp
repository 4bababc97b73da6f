#include "tests/net/api/feed_stream.hpp"

namespace revoked::net::test {

cache::Message StreamEvent::message() const {
  auto message = cache::decode_message(data);
  EXPECT_TRUE(message) << data;
  return message ? std::move(*message) : cache::Message{};
}

Stream::Stream(revoked::test::HttpClient client, const std::string& after) : client_(std::move(client)) {
  revoked::test::Headers headers{{"Accept", "text/event-stream"}};
  if (!after.empty()) headers.emplace_back("Last-Event-ID", after);
  client_.send(client_.format("GET", "/v1/invalidations", headers));
  head_ = client_.receive_headers();
}

std::optional<StreamEvent> Stream::next() {
  std::size_t end;
  while ((end = text_.find("\n\n")) == std::string::npos) {
    auto piece = client_.receive_piece();
    if (!piece) return {};
    text_ += *piece;
  }
  const auto line = text_.find('\n');
  StreamEvent event{text_.substr(4, line - 4), text_.substr(line + 7, end - line - 7)};
  EXPECT_TRUE(text_.starts_with("id: ")) << text_;
  EXPECT_EQ(text_.substr(line + 1, 6), "data: ");
  text_.erase(0, end + 2);
  return event;
}

std::optional<StreamEvent> Stream::next_message() {
  auto event = next();
  while (event && event->message().is_heartbeat()) event = next();
  return event;
}

}  // namespace revoked::net::test
