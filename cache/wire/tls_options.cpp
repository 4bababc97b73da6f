#include "cache/wire/tls_options.hpp"

#include <stdexcept>

namespace revoked::cache {

using engine::ConfigurationError;

void add_tls_client_options(engine::OptionList& options, const std::string& name, const std::string& server,
                            TlsClientOptions& tls) {
  const auto option = "--" + name;
  options.add(option + "-ca-file", tls.ca_file,
              "PEM file of the CAs that the certificate of " + server + " may be of; none: the system's");
  options.add(option + "-cert", tls.certificate_file,
              "PEM file with our certificate, for " + server + " if it requires one; none: no certificate");
  options.add(option + "-key", tls.key_file, "PEM file with the private key of " + option + "-cert");
}

std::shared_ptr<TlsClient> read_tls_client(const std::string& name, const TlsClientOptions& tls,
                                           bool is_encrypted, const std::string& requirement) {
  const auto option = "--" + name;
  if (tls.certificate_file.empty() != tls.key_file.empty())
    throw ConfigurationError(option + "-cert and " + option + "-key require each other");
  if (!is_encrypted && !(tls.ca_file.empty() && tls.certificate_file.empty()))
    throw ConfigurationError(option + "-ca-file and " + option + "-cert require " + requirement);
  if (!is_encrypted) return nullptr;
  try {
    return std::make_shared<TlsClient>(tls);
  } catch (const std::runtime_error& error) {
    throw ConfigurationError(option + ": " + error.what());
  }
}

}  // namespace revoked::cache
