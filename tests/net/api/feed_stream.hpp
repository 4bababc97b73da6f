#pragma once
// Reads GET /v1/invalidations as a stream of Server-Sent Events, accepting only the exact format of the
// engine.

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "cache/bus/message.hpp"
#include "tests/support/http_client.hpp"

namespace revoked::net::test {

struct StreamEvent {
  std::string id;
  std::string data;

  cache::Message message() const;
};

// Requests a stream and reads its events.
class Stream {
 public:
  explicit Stream(revoked::test::HttpClient client, const std::string& after = {});

  const revoked::test::HttpResponse& head() const { return head_; }

  // nullopt at the end of the stream.
  std::optional<StreamEvent> next();
  // Skips heartbeats.
  std::optional<StreamEvent> next_message();

 private:
  revoked::test::HttpClient client_;
  revoked::test::HttpResponse head_;
  std::string text_;
};

}  // namespace revoked::net::test
