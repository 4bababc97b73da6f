#pragma once
// --webhooks-file: the webhooks of an engine, as TOML (docs/webhooks.md).

#include <string>
#include <vector>

#include "cache/webhooks/webhook.hpp"

namespace revoked::tools {

// Reads it, and the files of secrets that it names. Throws ConfigurationError, whose text has no secret.
std::vector<cache::Webhook> read_webhooks(const std::string& path);

}  // namespace revoked::tools
