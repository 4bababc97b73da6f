#include "tests/support/certificates.hpp"

#include <chrono>
#include <stdexcept>
#include <vector>

#include "tests/support/process.hpp"

namespace revoked::test {
namespace {

using namespace std::chrono_literals;

// A new key, and its certificate.
void make(const Certificates::Pair& files, const std::string& log, std::vector<std::string> more) {
  std::vector<std::string> command{
      "openssl", "req",   "-x509", "-newkey", "ec",           "-pkeyopt", "ec_paramgen_curve:prime256v1",
      "-nodes",  "-days", "2",     "-keyout", files.key_file, "-out",     files.certificate_file};
  command.insert(command.end(), more.begin(), more.end());
  Process process({.command = std::move(command), .log = log});
  if (process.wait(20s) != 0) throw std::runtime_error("openssl failed: " + process.description());
}

}  // namespace

Certificates::Certificates() {
  make({ca_file(), file("ca.key")}, file("openssl.log"), {"-subj", "/CN=a CA of tests"});
}

Certificates::Pair Certificates::issue(const std::string& name, const std::string& subjects) const {
  const Pair files{file(name + ".pem"), file(name + ".key")};
  make(files, file("openssl.log"),
       {"-CA", ca_file(), "-CAkey", file("ca.key"), "-subj", "/CN=" + name, "-addext",
        "subjectAltName=" + subjects, "-addext", "basicConstraints=critical,CA:false"});
  return files;
}

}  // namespace revoked::test
