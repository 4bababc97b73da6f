#pragma once
// A client of /watch, which reads the stream until it ends.

#include <string>

#include "tests/support/http_client.hpp"

namespace revoked::test {

class WatchClient {
 public:
  // Sends the request and reads the head of the answer.
  WatchClient(HttpClient client, const std::string& secret, const Headers& headers = {})
      : client_(std::move(client)) {
    auto all = headers;
    all.emplace_back("Authorization", "Bearer " + secret);
    client_.send(client_.format("GET", "/watch", all));
    head_ = client_.receive_headers();
  }

  int status() const { return head_.status; }
  const HttpResponse& head() const { return head_; }

  // Why the key is denied, once the answer has ended; "none" if it does not say.
  std::string reason() {
    const std::string before = "event: denied\ndata: ";
    std::string text;
    while (const auto piece = client_.receive_piece()) text += *piece;
    const auto at = text.find(before);
    if (at == std::string::npos) return "none";
    const auto begin = at + before.size();
    return text.substr(begin, text.find("\n\n", begin) - begin);
  }
  void leave() { client_.close(); }

 private:
  HttpClient client_;
  HttpResponse head_;
};

}  // namespace revoked::test
