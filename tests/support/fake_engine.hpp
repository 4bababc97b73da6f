#pragma once
// A substitute for the engine over real sockets on 127.0.0.1. Each connection has its own thread, so a
// handler may wait, violate the protocol, or keep a stream open.

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "tests/support/acceptor.hpp"

namespace revoked::test {

struct FakeRequest {
  std::string method;
  std::string target;
  std::string head;                            // as received
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  int connection = 0;  // counted from 1

  std::string secret() const;  // of a question
};

class FakeEngine {
 public:
  // The actions of a handler on the connection of its request.
  class Peer {
   public:
    explicit Peer(int socket) : socket_(socket) {}
    bool send(std::string_view bytes);  // false: the peer has disconnected
    void answer(int status, std::string_view body, std::string_view type = "application/json");
    // The answer to a question: `decision` is an object, to which the digest of the secret is added.
    void answer_question(const FakeRequest& question, std::string_view decision);
    static std::string format_answer(const FakeRequest& question, std::string_view decision);
    void open_event_stream();  // the head of a chunked answer
    bool send_chunk(std::string_view bytes);
    bool send_event(std::string_view data);  // as one chunk
    std::string receive();                   // the next bytes, not parsed as a request; empty: the end
    void close();
    bool is_open();
    bool has_closed() const { return closed_; }
    void wait_until_closed();  // by the peer, or by cut_connections()

   private:
    int socket_;
    bool closed_ = false;
  };
  using Handler = std::function<void(const FakeRequest&, Peer&)>;

  explicit FakeEngine(Handler handler, std::uint16_t port = 0);  // 0: any free port
  ~FakeEngine();  // cuts all connections and waits for the handlers

  std::uint16_t port() const { return acceptor_.port(); }
  int connections() const { return connections_; }
  int requests() const { return requests_; }
  void cut_connections();

 private:
  void accepted(int socket);
  void serve(int socket, int number);

  Handler handler_;
  std::atomic<int> connections_{0};
  std::atomic<int> requests_{0};
  std::mutex mutex_;  // guards what follows
  std::list<int> sockets_;
  std::list<std::thread> threads_;
  Acceptor acceptor_;
};

}  // namespace revoked::test
