#pragma once
// One client connection. Belongs to its network thread and is used on it alone. The session coroutine owns
// it; the thread knows it for deadlines and draining.

#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <string>
#include <string_view>

#include "cache/asio.hpp"

namespace revoked::net {

using cache::Socket;
using cache::Task;

class NetworkThread;

class Connection {
 public:
  static constexpr std::size_t read_chunk_bytes = 16 << 10;
  static constexpr std::size_t read_bulk_bytes = 64 << 10;  // of a body without a limit

  // What the peer is given time for. Past it the socket is closed, and whoever waits on it gets an error.
  enum class Phase { idle, head, body, handling, writing, streaming, closing };

  Connection(NetworkThread& thread, Socket socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  NetworkThread& thread() { return thread_; }
  std::string_view remote_address() const { return remote_address_; }

  // Sets the phase and its deadline.
  void enter(Phase phase);
  Phase phase() const { return phase_; }
  bool is_overdue(std::chrono::steady_clock::time_point now) const { return now >= deadline_; }

  // What has arrived and is not consumed yet.
  std::string_view received() const;
  void consume(std::size_t bytes);
  // Waits for more. False if the peer is gone or the deadline has passed.
  Task<bool> receive(std::size_t at_most_bytes = read_chunk_bytes);

  // Of the request that is being answered: memory that stays.
  std::string& request_id() { return request_id_; }

  // Answers gather here and go out together.
  std::string& output() { return output_; }
  // Sends the output. False as above.
  Task<bool> flush();

  // Sends what is left, then reads and drops what the peer still sends for a moment: closing at once would
  // reset the connection and could destroy the answer on its way.
  Task<> close_gently();
  void close();

 private:
  static constexpr std::size_t max_kept_bytes = 128 << 10;  // of memory, when nothing is in it

  NetworkThread& thread_;
  Socket socket_;
  std::string remote_address_;
  std::string request_id_;
  boost::beast::flat_buffer input_;
  std::string output_;
  Phase phase_ = Phase::idle;
  std::chrono::steady_clock::time_point deadline_;
};

}  // namespace revoked::net
