#pragma once
// Which engine is meant, and with which key: from the options, or from the named engines of a configuration
// file.
//
//   default = "prod"
//   [engine.prod]
//   url = "https://revoked.example.com:7385"
//   key_file = "/etc/revoked/operator.key"
//   ca_file = "/etc/revoked/ca.pem"

#include <string>

#include "tools/ctl/client.hpp"

namespace revoked::ctl {

struct EngineOptions {
  std::string engine;    // a URL, or the name of one in the configuration; empty: its default
  std::string key_file;  // empty: that of the named engine
  std::string ca_file;
  // Path; empty: ~/.config/revoked/revokectl.toml or else /etc/revoked/revokectl.toml, if there is one.
  std::string configuration;
};

// Throws ConfigurationError.
Target find_engine(const EngineOptions& options);

}  // namespace revoked::ctl
