#pragma once
// Reads GET /v1/invalidations as a stream of Server-Sent Events, strictly in the form in which we write it.

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "cache/message.hpp"
#include "tests/support/http_client.hpp"

namespace revoked::net::test {

struct StreamEvent {
  std::string id;
  std::string data;

  cache::Message message() const {
    auto message = cache::decode_message(data);
    EXPECT_TRUE(message) << data;
    return message ? std::move(*message) : cache::Message{};
  }
};

// Asks for a stream and reads its events.
class Stream {
 public:
  explicit Stream(revoked::test::HttpClient client, const std::string& after = {})
      : client_(std::move(client)) {
    revoked::test::Headers headers{{"Accept", "text/event-stream"}};
    if (!after.empty()) headers.emplace_back("Last-Event-ID", after);
    client_.send(client_.format("GET", "/v1/invalidations", headers));
    head_ = client_.receive_headers();
  }

  const revoked::test::HttpResponse& head() const { return head_; }

  // Nothing at the end of the stream.
  std::optional<StreamEvent> next() {
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
  // Passes over heartbeats.
  std::optional<StreamEvent> next_message() {
    auto event = next();
    while (event && event->message().is_heartbeat()) event = next();
    return event;
  }

 private:
  revoked::test::HttpClient client_;
  revoked::test::HttpResponse head_;
  std::string text_;
};

}  // namespace revoked::net::test
