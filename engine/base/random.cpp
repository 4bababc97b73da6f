#include "engine/base/random.hpp"

#include <openssl/rand.h>

#include <stdexcept>

namespace revoked::engine {

void random_bytes(void* out, std::size_t size) {
  if (RAND_bytes(static_cast<unsigned char*>(out), static_cast<int>(size)) != 1) {
    throw std::runtime_error("the system's random generator failed");
  }
}

}  // namespace revoked::engine
