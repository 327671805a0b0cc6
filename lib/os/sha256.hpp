// os/sha256.hpp - SHA-256 of what comes in pieces.
#ifndef PLUGRELOAD_OS_SHA256_HPP_
#define PLUGRELOAD_OS_SHA256_HPP_

#include <openssl/evp.h>

#include <cstddef>
#include <memory>
#include <string>

namespace plugreload::internal {

class Sha256 {
 public:
  Sha256();
  void Add(const void* data, std::size_t size);
  // 64 hex digits in lower case; empty when libcrypto failed. Ends it.
  std::string Hex();

 private:
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
  bool ok_ = false;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_OS_SHA256_HPP_
