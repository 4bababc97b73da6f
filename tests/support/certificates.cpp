#include "tests/support/certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <stdexcept>

#include "tests/support/process.hpp"

namespace revoked::test {
namespace {

void require(bool good) {
  if (!good) throw std::runtime_error("cannot make a certificate");
}

template <class Write>
std::string pem(Write write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  require(write(bio.get()) == 1);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

std::string pem_of(X509* certificate) {
  return pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

std::shared_ptr<EVP_PKEY> new_key() {
  std::shared_ptr<EVP_PKEY> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  require(key != nullptr);
  return key;
}

void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()), X509_EXTENSION_free);
  require(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

// Signed later. `issuer` null: itself.
std::shared_ptr<X509> unsigned_certificate(const std::string& name, EVP_PKEY* key, X509* issuer) {
  std::shared_ptr<X509> made(X509_new(), X509_free);
  require(made != nullptr);
  X509_set_version(made.get(), 2);
  std::uint32_t serial = 0;
  require(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), serial);
  auto* const subject = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(made.get(), issuer == nullptr ? subject : X509_get_subject_name(issuer));
  X509_set_pubkey(made.get(), key);
  return made;
}

void set_validity(X509* certificate, std::chrono::seconds from, std::chrono::seconds until) {
  X509_gmtime_adj(X509_getm_notBefore(certificate), from.count());
  X509_gmtime_adj(X509_getm_notAfter(certificate), until.count());
}

}  // namespace

CertificateAuthority::CertificateAuthority(const std::string& name)
    : key_(new_key()), own_(unsigned_certificate(name, key_.get(), nullptr)) {
  const Wanted usual;
  set_validity(own_.get(), usual.valid_from, usual.valid_until);
  extend(own_.get(), own_.get(), NID_basic_constraints, "critical,CA:TRUE");
  extend(own_.get(), own_.get(), NID_key_usage, "critical,keyCertSign");
  require(X509_sign(own_.get(), key_.get(), EVP_sha256()) != 0);
  certificate_ = pem_of(own_.get());
}

CertificateAuthority::~CertificateAuthority() = default;

Certificate CertificateAuthority::issue(const Wanted& wanted) const {
  const auto key = new_key();
  const auto made = unsigned_certificate(wanted.name, key.get(), own_.get());
  set_validity(made.get(), wanted.valid_from, wanted.valid_until);
  extend(made.get(), own_.get(), NID_subject_alt_name, wanted.alternative_names);
  extend(made.get(), own_.get(), NID_ext_key_usage, "serverAuth,clientAuth");
  require(X509_sign(made.get(), key_.get(), EVP_sha256()) != 0);
  return {pem_of(made.get()), pem([&](BIO* bio) {
            return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

CertificateFiles::CertificateFiles(const std::string& ca) : authority_(ca) {
  write_file(this->ca(), authority_.certificate());
  renew({});
}

CertificateFiles::Pair CertificateFiles::write(const std::string& name,
                                               const CertificateAuthority::Wanted& wanted) const {
  const auto made = authority_.issue(wanted);
  Pair files{directory_ / (name + ".pem"), directory_ / (name + ".key")};
  write_file(files.certificate_file, made.certificate);
  write_file(files.key_file, made.key);
  return files;
}

}  // namespace revoked::test
