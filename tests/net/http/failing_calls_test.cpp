// System calls that fail temporarily or permanently: a thread that cannot accept would silently swallow its
// share of the connections.
//
// The two calls are intercepted: definitions in this program precede those of the C library.

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <mutex>

#include "tests/net/http/raw_client.hpp"
#include "tests/net/http/test_service.hpp"
#include "tests/support/eventually.hpp"

namespace {

struct CallFault {
  std::atomic<int> times{0};
  std::atomic<int> error{0};

  bool strikes() {
    int left = times;
    while (left > 0 && !times.compare_exchange_weak(left, left - 1)) {
    }
    if (left > 0) errno = error;
    return left > 0;
  }
};
CallFault accept_fault;
CallFault epoll_fault;

}  // namespace

extern "C" int accept(int listener, sockaddr* address, socklen_t* size) {
  using Call = int (*)(int, sockaddr*, socklen_t*);
  static const auto next = reinterpret_cast<Call>(::dlsym(RTLD_NEXT, "accept"));
  return accept_fault.strikes() ? -1 : next(listener, address, size);
}

extern "C" int epoll_wait(int epoll, epoll_event* events, int count, int timeout) {
  using Call = int (*)(int, epoll_event*, int, int);
  static const auto next = reinterpret_cast<Call>(::dlsym(RTLD_NEXT, "epoll_wait"));
  // Only SocketEvents asks for that many without waiting.
  const bool is_ours = count == 256 && timeout == 0;
  return is_ours && epoll_fault.strikes() ? -1 : next(epoll, events, count, timeout);
}

namespace revoked::net::failing_calls_test {

using namespace std::chrono_literals;
using revoked::test::eventually;
using test::RawClient;

constexpr int for_good = 1'000'000;

class FailingCalls : public testing::Test {
 protected:
  FailingCalls() {
    auto options = test::loopback();
    options.on_fatal = [this](std::string_view what) {
      const std::scoped_lock lock(mutex_);
      deaf_ = what;
    };
    server_ = std::make_unique<Server>(options, service_, nullptr);
  }
  ~FailingCalls() override { accept_fault.times = epoll_fault.times = 0; }

  static void fail(CallFault& fault, int times, int error) {
    fault.error = error;
    fault.times = times;
  }
  bool is_served() {
    RawClient client(server_->port());
    client.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
    return !client.read_through("X-Path: /first").empty();
  }
  std::string deaf() {
    const std::scoped_lock lock(mutex_);
    return deaf_;
  }

  test::TestService service_;
  std::mutex mutex_;
  std::string deaf_;
  std::unique_ptr<Server> server_;
};

TEST_F(FailingCalls, OfAcceptAreTriedAgain) {
  // Not EPROTO and ECONNABORTED: Asio ignores those itself, since the kernel drops such a connection.
  for (const int error : {EMFILE, ENFILE, ENOMEM, ENOBUFS, EPERM, ENETDOWN, EBADF, EINVAL}) {
    fail(accept_fault, 3, error);
    EXPECT_TRUE(is_served()) << error;
    EXPECT_EQ(accept_fault.times, 0) << "all faults were injected";
  }
  EXPECT_EQ(deaf(), "");
}

TEST_F(FailingCalls, OfEpollAreTriedAgain) {
  RawClient open(server_->port());
  for (const int error : {EINTR, ENOMEM, EBADF}) {
    fail(epoll_fault, 3, error);
    open.send("GET /open HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_NE(open.read_through("X-Path: /open"), "") << error;
    open.read_through("\r\n\r\n");
    EXPECT_EQ(epoll_fault.times, 0);
    EXPECT_TRUE(is_served());
  }
  EXPECT_EQ(deaf(), "");
}

TEST_F(FailingCalls, OfAcceptForWantOfDescriptorsAreNoEnd) {
  fail(accept_fault, 40, EMFILE);
  EXPECT_TRUE(is_served());
  EXPECT_EQ(deaf(), "");
}

TEST_F(FailingCalls, OfAcceptForGoodAreToldOf) {
  fail(accept_fault, for_good, EBADF);
  RawClient client(server_->port());
  EXPECT_TRUE(eventually([&] { return deaf().starts_with("accepting connections: "); })) << deaf();
}

TEST_F(FailingCalls, OfEpollForGoodAreToldOf) {
  fail(epoll_fault, for_good, EBADF);
  RawClient client(server_->port());
  EXPECT_TRUE(eventually([&] { return deaf().starts_with("watching sockets: "); })) << deaf();
}

TEST(Deaf, EndsTheProcessWithOneLine) {
  EXPECT_EXIT(end_the_process("accepting connections: no more"), testing::ExitedWithCode(1),
              "fatal error.*accepting connections: no more");
}

}  // namespace revoked::net::failing_calls_test
