#pragma once
// The options of a program that say what TLS to a server needs: `--NAME-ca-file`, `--NAME-cert` and
// `--NAME-key`, where NAME is the server's: "redis", "engine".

#include <memory>
#include <string>

#include "cache/wire/tls.hpp"
#include "engine/base/options.hpp"

namespace revoked::cache {

// `server`: what --help calls it.
void add_tls_client_options(engine::OptionList& options, const std::string& name, const std::string& server,
                            TlsClientOptions& tls);

// Reads the files. Null without TLS (`is_encrypted`), and then no option may be set: they require
// `requirement`, such as "an https:// --engine". Throws ConfigurationError, also if a file cannot be used.
std::shared_ptr<TlsClient> read_tls_client(const std::string& name, const TlsClientOptions& tls,
                                           bool is_encrypted, const std::string& requirement);

}  // namespace revoked::cache
