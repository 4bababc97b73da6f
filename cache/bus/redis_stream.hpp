#pragma once
// A stream of bytes to one server, over TCP or a UNIX socket, with TLS if wanted. It is opened once and ends
// once. Internal to this room; on the io_context's thread. Held by shared_ptr: its handlers on the io_context
// hold it. Its listener is not called from open(), and not after close().

#include <array>
#include <boost/asio/generic/stream_protocol.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cache/wire/asio.hpp"
#include "cache/wire/tls_codec.hpp"

namespace revoked::cache {

class RedisStream : public std::enable_shared_from_this<RedisStream> {
 public:
  using Endpoint = asio::generic::stream_protocol::endpoint;

  struct Listener {
    std::function<void()> on_open;  // with TLS: the server is who it should be
    std::function<void(std::string_view bytes)> on_bytes;
    // It cannot be opened, or has ended; also called from flush(). Then it calls nobody any more.
    std::function<void(std::string_view reason)> on_end;
  };
  // `tls`: from TlsClient::connection_to; null: without TLS.
  RedisStream(asio::io_context& io, TlsConnection tls, Listener listener);

  void open(const Endpoint& endpoint);
  void close();

  // What is appended here is sent by flush(), as far as the socket accepts it without blocking; the rest as
  // soon as it does.
  std::string& outgoing() { return plain_.bytes; }
  void flush();
  std::size_t unsent_bytes() const { return plain_.size(); }

 private:
  using GenericSocket = asio::basic_stream_socket<asio::generic::stream_protocol, Executor>;
  static constexpr std::size_t read_bytes = 64 << 10;
  static constexpr std::size_t encrypted_bytes = 64 << 10;  // encrypted ahead of the socket

  // Bytes of which the first have been sent.
  struct Unsent {
    std::string bytes;
    std::size_t sent = 0;
    std::size_t size() const { return bytes.size() - sent; }
    std::string_view view() const { return std::string_view(bytes).substr(sent); }
    void remove(std::size_t count);
  };

  void on_connect(error_code error);
  void become_open();
  bool encrypt();
  void read();
  void on_received(std::string_view bytes);
  void end(std::string_view reason);

  GenericSocket socket_;
  std::optional<TlsCodec> tls_;
  Listener listener_;
  enum class State { connecting, shaking_hands, open, ended } state_ = State::connecting;
  bool waits_to_write_ = false;
  Unsent plain_;
  Unsent encrypted_;
  std::string said_;  // used in on_received() only; keeps its capacity
  std::array<char, read_bytes> chunk_;
};

}  // namespace revoked::cache
