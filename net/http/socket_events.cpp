#include "net/http/socket_events.hpp"

#include <sys/epoll.h>

#include <boost/system/system_error.hpp>
#include <cerrno>

namespace revoked::net {
namespace {

int new_epoll() {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) throw boost::system::system_error(errno, boost::system::system_category(), "epoll_create1");
  return epoll;
}

}  // namespace

SocketEvents::SocketEvents(cache::asio::io_context& io) : epoll_(io.get_executor(), new_epoll()) {}

bool SocketEvents::add(int socket, Listener& listener) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &listener;
  return ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, socket, &event) == 0;
}

cache::Task<> SocketEvents::run() {
  for (int failures = 0; epoll_.is_open();) {
    const auto [error] = co_await epoll_.async_wait(epoll_.wait_read, cache::as_result);
    if (!epoll_.is_open()) co_return;
    std::array<epoll_event, max_events> events;
    const int count = error ? -1 : ::epoll_wait(epoll_.native_handle(), events.data(), max_events, 0);
    if (count < 0) {
      // Pending events stay pending, and the next wait ends at once.
      const cache::error_code why =
          error ? error : cache::error_code(errno, boost::system::system_category());
      if (why.value() != EINTR && ++failures == max_failures)
        throw boost::system::system_error(why, "epoll_wait keeps failing");
      continue;
    }
    failures = 0;
    for (int i = 0; i < count; ++i) {
      if (i + 1 < count) __builtin_prefetch(events[i + 1].data.ptr);
      static_cast<Listener*>(events[i].data.ptr)->on_events(events[i].events);
    }
  }
}

void SocketEvents::stop() {
  cache::error_code ignored;
  epoll_.close(ignored);
}

}  // namespace revoked::net
