#pragma once

#include <string>

namespace revoked::net::test {

inline const std::string master_key = "the-master-key-of-the-tests";

}  // namespace revoked::net::test
