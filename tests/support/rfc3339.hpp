#pragma once
// Times as the API writes them, for requests and expectations.

#include <string>

#include "engine/base/time.hpp"

namespace revoked::test {

inline std::string rfc3339(engine::UnixMs at) {
  std::string text;
  engine::append_rfc3339(text, at);
  return text;
}

}  // namespace revoked::test
