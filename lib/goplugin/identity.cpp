#include "goplugin/identity.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace plugreload::goplugin {
namespace {

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using Serial = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using Memory = std::unique_ptr<BIO, Freed<BIO_free>>;

// go-plugin's own lives as long; a host that runs longer is made anew first.
constexpr long kLifetime = 30L * 365 * 24 * 3600;
// A clock that another process reads a moment earlier.
constexpr long kBackdated = -30;
constexpr int kSerialBits = 127;

// The message carries libcrypto's reason; its queue of errors is the thread's, and left empty.
Status Failed(const char* step) {
  std::array<char, 160> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();
  return Status(Code::kInternal, "certificate",
                std::string("cannot make the host's certificate: ") + step + ": " + text.data());
}

bool Extend(X509* certificate, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool SetName(X509* certificate) {
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto add = [name](const char* field, const char* value) {
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC,
                                      reinterpret_cast<const unsigned char*>(value), -1, -1,
                                      0) == 1;
  };
  return add("CN", "localhost") && add("O", "plugreload") &&
         X509_set_issuer_name(certificate, name) == 1;
}

bool SetSerial(X509* certificate) {
  const Serial number(BN_new());
  return number != nullptr &&
         BN_rand(number.get(), kSerialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

std::string Text(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return size <= 0 ? std::string() : std::string(data, static_cast<std::size_t>(size));
}

std::string PemOf(X509* certificate) {
  const Memory memory(BIO_new(BIO_s_mem()));
  if (memory == nullptr || PEM_write_bio_X509(memory.get(), certificate) != 1) return {};
  return Text(memory.get());
}

std::string PemOf(EVP_PKEY* key) {
  const Memory memory(BIO_new(BIO_s_mem()));
  if (memory == nullptr || PEM_write_bio_PKCS8PrivateKey(memory.get(), key, nullptr, nullptr, 0,
                                                         nullptr, nullptr) != 1) {
    return {};
  }
  return Text(memory.get());
}

// Empty: not base64.
std::vector<unsigned char> Decode(std::string_view base64) {
  std::string padded(base64);
  while (!padded.empty() && padded.back() == '=') padded.pop_back();
  const std::size_t padding = (4 - padded.size() % 4) % 4;
  if (padded.empty() || padding == 3) return {};
  padded.append(padding, '=');
  std::vector<unsigned char> bytes(padded.size() / 4 * 3);
  const int size =
      EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(padded.data()),
                      static_cast<int>(padded.size()));
  if (size < 0) return {};
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

Status Invalid(const char* why) {
  ERR_clear_error();
  return Status(Code::kUnavailable, "certificate_invalid",
                std::string("the certificate in its handshake line is ") + why);
}

}  // namespace

Result<Identity> NewIdentity() {
  const Key key(EVP_EC_gen("P-256"));
  if (key == nullptr) return Failed("generating a P-256 key");
  const Certificate certificate(X509_new());
  if (certificate == nullptr || X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      !SetSerial(certificate.get()) || !SetName(certificate.get()) ||
      X509_gmtime_adj(X509_getm_notBefore(certificate.get()), kBackdated) == nullptr ||
      X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kLifetime) == nullptr ||
      X509_set_pubkey(certificate.get(), key.get()) != 1) {
    return Failed("filling it in");
  }
  // A leaf that is its own authority: each side trusts exactly the other's.
  if (!Extend(certificate.get(), NID_basic_constraints, "critical,CA:TRUE") ||
      !Extend(certificate.get(), NID_key_usage,
              "critical,digitalSignature,keyEncipherment,keyAgreement,keyCertSign") ||
      !Extend(certificate.get(), NID_ext_key_usage, "clientAuth,serverAuth") ||
      !Extend(certificate.get(), NID_subject_alt_name, "DNS:localhost") ||
      !Extend(certificate.get(), NID_subject_key_identifier, "hash")) {
    return Failed("its extensions");
  }
  if (X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0) return Failed("signing it");
  Identity identity{PemOf(certificate.get()), PemOf(key.get())};
  if (identity.certificate_pem.empty() || identity.key_pem.empty()) return Failed("writing it");
  return identity;
}

Result<std::string> CertificatePem(std::string_view base64) {
  const std::vector<unsigned char> der = Decode(base64);
  if (der.empty()) return Invalid("not base64");
  const unsigned char* at = der.data();
  const Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (certificate == nullptr || at != der.data() + der.size()) {
    return Invalid("no X.509 certificate in DER");
  }
  std::string pem = PemOf(certificate.get());
  if (pem.empty()) return Invalid("not to be written as PEM");
  return pem;
}

}  // namespace plugreload::goplugin
