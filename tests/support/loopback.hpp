#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>

namespace revoked::test {

// 127.0.0.1 and that port; 0: the kernel chooses one.
inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace revoked::test
