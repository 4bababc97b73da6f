#pragma once
// What the engine program authenticates callers with: master keys, and tokens of an identity provider. Logs
// when one of their files is read again.

#include <memory>
#include <string>

#include "net/auth/jwt.hpp"
#include "net/auth/master_keys.hpp"
#include "tools/programs/engine_configuration.hpp"

namespace revoked::tools {

// All throw ConfigurationError.

// The file of master keys; exists and is valid when this returns: it is created in the data directory if none
// is configured.
std::string master_key_file(const EngineConfiguration& configuration);
std::unique_ptr<const net::MasterKeys> watch_master_keys(const std::string& path);

// Null without --jwt-keys.
std::unique_ptr<const net::JwtVerifier> make_verifier(net::JwtOptions jwt);

}  // namespace revoked::tools
