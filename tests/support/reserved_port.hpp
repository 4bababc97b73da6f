#pragma once
// A TCP port that no other test uses during the lifetime of this, even while no program listens on it, so
// that a program can be killed and started again on the same port. It is below the kernel's range for
// outgoing connections, which could otherwise take it in between.

#include <cstdint>

namespace revoked::test {

class ReservedPort {
 public:
  ReservedPort();
  ~ReservedPort();
  ReservedPort(const ReservedPort&) = delete;
  ReservedPort& operator=(const ReservedPort&) = delete;

  std::uint16_t number() const { return number_; }

 private:
  std::uint16_t number_ = 0;
  int lock_ = -1;
};

}  // namespace revoked::test
