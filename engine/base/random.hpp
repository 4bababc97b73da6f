#pragma once
// Cryptographic random bytes. From any thread.

#include <cstddef>

namespace revoked::engine {

// Fills `out` from the operating system's cryptographic generator. Throws if that fails.
void random_bytes(void* out, std::size_t size);

}  // namespace revoked::engine
