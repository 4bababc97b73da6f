#pragma once
// Asio types used in this code: a concrete executor (type erasure costs on every operation), one io_context
// per thread, coroutines that return errors as values.

#include <fcntl.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <exception>

namespace revoked::cache {

namespace asio = boost::asio;
using boost::system::error_code;

using Executor = asio::io_context::executor_type;

template <class T = void>
using Task = asio::awaitable<T, Executor>;

// `auto [error, n] = co_await socket.async_read_some(buffer, as_result);`
inline constexpr asio::as_tuple_t<asio::use_awaitable_t<Executor>> as_result{};

using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;

// Programs that this process starts do not inherit it.
template <class AnySocket, class Protocol>
void open_socket(AnySocket& socket, const Protocol& protocol, error_code& error) {
  socket.open(protocol, error);
  if (!error) ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
}

// Completion handler of a coroutine whose exceptions are bugs: they leave io_context::run().
inline constexpr auto rethrow = [](const std::exception_ptr& bug) {
  if (bug) std::rethrow_exception(bug);
};

}  // namespace revoked::cache
