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

}  // namespace revoked::cache
