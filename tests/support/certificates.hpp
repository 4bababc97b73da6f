#pragma once
// Certificates for tests, made when they are needed: EC keys, valid for a day.

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "tests/support/temporary_directory.hpp"

struct evp_pkey_st;
struct x509_st;

namespace revoked::test {

struct Certificate {  // PEM
  std::string certificate;
  std::string key;
};

class CertificateAuthority {
 public:
  explicit CertificateAuthority(const std::string& name = "test CA");
  ~CertificateAuthority();

  struct Wanted {
    std::string name = "localhost";
    std::string alternative_names = "DNS:localhost,IP:127.0.0.1";
    std::chrono::seconds valid_from{-3600};
    std::chrono::seconds valid_until{86'400};
  };
  Certificate issue(const Wanted& wanted) const;
  Certificate issue() const { return issue(Wanted{}); }
  const std::string& certificate() const { return certificate_; }  // its own

 private:
  std::shared_ptr<evp_pkey_st> key_;
  std::shared_ptr<x509_st> own_;
  std::string certificate_;
};

// Files of a CA and of certificates of it: one that serves a server and a client, and any others.
class CertificateFiles {
 public:
  explicit CertificateFiles(const std::string& ca = "test CA");

  std::filesystem::path ca() const { return directory_ / "ca.pem"; }
  std::filesystem::path certificate() const { return directory_ / "own.pem"; }
  std::filesystem::path key() const { return directory_ / "own.key"; }
  // Replaces certificate and key by others of this CA.
  void renew(const CertificateAuthority::Wanted& wanted) { write("own", wanted); }

  struct Pair {
    std::string certificate_file;
    std::string key_file;
  };
  // Another. `subjects`: its subjectAltName, "IP:127.0.0.1,DNS:localhost". `name`: of the files, without
  // extension.
  Pair issue(const std::string& name, const std::string& subjects) const {
    return write(name, {.name = name, .alternative_names = subjects});
  }

 private:
  Pair write(const std::string& name, const CertificateAuthority::Wanted& wanted) const;

  TemporaryDirectory directory_;
  CertificateAuthority authority_;
};

}  // namespace revoked::test
