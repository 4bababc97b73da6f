#pragma once
// A private redis-server on a free port of 127.0.0.1, in its own directory, without persistence. It never
// outlives the test: the destructor kills it, or the kernel if the test dies first.

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace revoked::test {

class RedisServer {
 public:
  // Throws if there is no redis-server or it does not start. `options` are further arguments.
  explicit RedisServer(std::vector<std::string> options = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  std::uint16_t port() const { return port_; }
  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }
  std::string unix_path() const { return directory_ + "/redis.sock"; }

  void kill();     // SIGKILL, and waits for it
  void restart();  // on the same port; kills it first if it runs
  void pause();    // SIGSTOP: connections stay, nothing answers
  void resume();

  // Sends one inline command and returns the first line of the answer. Empty if there is none.
  std::string command(const std::string& line) const;

 private:
  void start();
  bool answers() const;

  std::vector<std::string> options_;
  std::string directory_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace revoked::test
