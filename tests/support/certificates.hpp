#pragma once
// A CA, and certificates that it issues: made by the openssl program, in a directory of their own.

#include <string>

#include "tests/support/temporary_directory.hpp"

namespace revoked::test {

class Certificates {
 public:
  Certificates();  // makes the CA; throws if openssl fails
  std::string ca_file() const { return file("ca.pem"); }

  struct Pair {
    std::string certificate_file;
    std::string key_file;
  };
  // `subjects`: its subjectAltName, "IP:127.0.0.1,DNS:localhost". `name`: of the files, without extension.
  Pair issue(const std::string& name, const std::string& subjects) const;

 private:
  std::string file(const std::string& name) const { return directory_ / name; }

  TemporaryDirectory directory_;
};

}  // namespace revoked::test
