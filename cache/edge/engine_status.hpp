#pragma once
// What an HTTP status of the engine other than success means to its client.

#include "engine/base/error.hpp"

namespace revoked::cache {

inline engine::errc error_of_status(unsigned status) {
  using engine::errc;
  switch (status) {
    case 401:
    case 403:
      return errc::refused;
    case 429:
      return errc::overloaded;
    case 400:
    case 413:
    case 422:
      return errc::malformed;
    default:
      return errc::unavailable;
  }
}

// The engine says that it does not serve, or a proxy says so of it: another engine may.
inline bool is_out_of_service(unsigned status) { return status == 502 || status == 503 || status == 504; }

}  // namespace revoked::cache
