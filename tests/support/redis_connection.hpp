#pragma once
// A blocking RESP connection to a Redis, for what a test does besides the programs: subscribe and count,
// MONITOR, PUBLISH malformed messages, CLIENT KILL.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace revoked::test {

struct RedisReply {
  char type = '\0';  // '+', '-', ':', '$' or '*'; '\0' for a null
  std::string text;  // of all types but arrays
  std::vector<RedisReply> items;
};

class RedisConnection {
 public:
  // redis://host:port or unix:///path, as for the programs. Throws if it cannot connect.
  explicit RedisConnection(const std::string& url,
                           std::chrono::milliseconds timeout = std::chrono::seconds(20));
  ~RedisConnection();
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  RedisReply command(const std::vector<std::string>& words);
  void send(const std::vector<std::string>& words);
  RedisReply receive();  // throws on a timeout
  // The next message of any subscription; nothing after `limit`.
  std::optional<std::string> next_message(std::chrono::milliseconds limit);

 private:
  bool read_more(std::chrono::milliseconds limit);
  std::string take_line();
  RedisReply receive_any();

  int socket_ = -1;
  std::chrono::milliseconds timeout_;
  std::string unread_;
};

}  // namespace revoked::test
