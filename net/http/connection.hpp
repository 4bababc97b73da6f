#pragma once
// One client connection. Belongs to its network thread and is used only on it. Owned by the session
// coroutine; the thread knows it for deadlines and draining.

#include <atomic>
#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cache/wire/asio.hpp"
#include "net/http/answer_log.hpp"
#include "net/http/connection_table.hpp"
#include "net/http/socket_events.hpp"

namespace revoked::net {

using cache::Socket;
using cache::Task;

class NetworkThread;
class TlsSession;

class Connection final : public ConnectionTable::Entry, SocketEvents::Listener {
 public:
  static constexpr std::size_t read_chunk_bytes = 16 << 10;
  static constexpr std::size_t read_bulk_bytes = 64 << 10;  // of a body without a limit

  // What the deadline applies to. After it, the socket is closed and pending waits fail; hold() ends.
  enum class Phase { handshake, idle, head, body, handling, writing, streaming, held, closing };

  Connection(NetworkThread& thread, Socket socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  NetworkThread& thread() { return thread_; }
  std::string_view remote_address() const { return remote_address_; }

  // Sets the phase and its deadline: `allowed` from now, or the default of the limits.
  void enter(Phase phase);
  void enter(Phase phase, std::chrono::milliseconds allowed);
  Phase phase() const { return phase_; }
  bool is_overdue(std::chrono::steady_clock::time_point now) const { return now >= deadline_; }
  bool has_been_idle_for(std::chrono::milliseconds at_least,
                         std::chrono::steady_clock::time_point now) const {
    return (phase_ == Phase::idle || phase_ == Phase::handshake) && now - entered_ >= at_least;
  }
  // Frees the buffers of a connection that has been idle for `trimmed_after`.
  void trim_if_idle(std::chrono::steady_clock::time_point now);

  // Bytes that have arrived and are not consumed yet.
  std::string_view received() const;
  void consume(std::size_t bytes);
  // Takes what has arrived, without waiting.
  enum class Received {
    some,
    nothing,
    end,
    refused,  // the peer failed the TLS handshake, and has been told: close_lingering()
  };
  Received receive_now(std::size_t at_most_bytes = read_chunk_bytes);
  // Whether receive_now() may return more.
  bool is_readable() const { return (socket_state_.readable || has_more_) && !sends_first_; }
  // Waits for more. False if the peer has closed or the deadline has passed.
  Task<bool> receive(std::size_t at_most_bytes = read_chunk_bytes);

  // Examines what can be read before the waiting coroutine is resumed.
  class ReadHandler {
   public:
    // False: keep waiting.
    virtual bool on_readable() noexcept = 0;

   protected:
    ~ReadHandler() = default;
  };
  // Waits until the handler returns true; the handler must outlive the wait. False as above, or by
  // end_idle().
  Task<bool> wait_for(ReadHandler& handler);

  // Becomes true when the peer has closed its side. For other threads; may outlive the connection.
  std::shared_ptr<const std::atomic<bool>> peer_closed();

  // Waits, with the response not at its end, for wake(), for `at_most`, or until the server drains or the
  // peer has ended. False: closed. What the buffers do not use is freed, so views of the request become
  // invalid.
  Task<bool> hold(std::chrono::milliseconds at_most);
  // The rest of hold() runs later; without effect if nothing is held.
  void wake();
  bool peer_has_ended() const { return socket_state_.peer_has_ended; }

  // The id of the request that is being answered; a buffer that lives as long as the connection.
  std::string& request_id() { return request_id_; }

  // Memory that the session holds for the request, besides the buffers here.
  void set_request_bytes(std::size_t bytes) { request_bytes_ = bytes; }

  // Responses are collected here and sent together.
  std::string& output() { return output_; }
  AnswerLog& answer_log() { return answer_log_; }
  // Sends as much of the output as the socket accepts without waiting. True if that was all.
  bool flush_now();
  // Sends the output. False as above.
  Task<bool> flush();
  bool is_broken() const { return is_broken_; }  // nothing can be sent any more

  // Sends the remaining output, then reads and discards what the peer still sends, for at most
  // linger_timeout: closing at once would reset the connection and could destroy the response in flight.
  Task<> close_lingering();
  // Of a connection that waits for a request: ends wait_for(); close_lingering() follows.
  void end_idle();
  void close();
  void evict() noexcept override { close(); }

 private:
  using Token = cache::asio::use_awaitable_t<cache::Executor>;
  using Handler = cache::asio::async_result<Token, void(bool)>::handler_type;

  std::size_t held_bytes() const;
  void count_held() noexcept;
  Received receive_over_tls(std::size_t at_most_bytes);
  Received refuse_handshake();
  bool flush_over_tls();
  void on_events(std::uint32_t events) noexcept override;
  void resume_later(bool is_good);
  // Waits for one of the events. False: closed.
  Task<bool> wait(std::uint32_t events);

  NetworkThread& thread_;
  int socket_;
  SocketState socket_state_;
  bool has_more_ = false;     // TLS: what has been taken from the socket holds more
  bool sends_first_ = false;  // TLS: reading continues once the peer has taken something
  bool is_broken_ = false;
  std::unique_ptr<TlsSession> tls_;  // null: not encrypted
  std::uint32_t awaited_ = 0;
  ReadHandler* read_handler_ = nullptr;
  std::optional<Handler> waiter_;
  std::string remote_address_;
  std::string request_id_;
  boost::beast::flat_buffer input_;
  std::string output_;
  AnswerLog answer_log_;
  std::size_t sent_ = 0;  // of the output
  std::size_t request_bytes_ = 0;
  bool has_asked_ = false;  // a request was received
  Phase phase_ = Phase::idle;
  std::chrono::steady_clock::time_point entered_;
  std::chrono::steady_clock::time_point deadline_;
  std::shared_ptr<std::atomic<bool>> peer_closed_;  // null until peer_closed() is called
};

}  // namespace revoked::net
