#pragma once
// A listening socket, and the thread that passes each accepted socket on, on the host of the thread that
// creates it.

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

namespace revoked::test {

class Acceptor {
 public:
  // `accepted` is called on the thread, and owns the socket. Port 0: the kernel chooses one.
  explicit Acceptor(std::function<void(int)> accepted, std::uint16_t port = 0,
                    const std::string& address = "127.0.0.1");
  ~Acceptor() { stop(); }

  std::uint16_t port() const { return port_; }
  void stop();  // afterwards nothing is accepted, and `accepted` has returned

 private:
  void run();

  const std::function<void(int)> accepted_;
  int listener_;
  std::uint16_t port_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace revoked::test
