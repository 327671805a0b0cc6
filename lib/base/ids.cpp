#include "base/ids.hpp"

#include <sys/random.h>

#include <array>
#include <cstddef>

namespace plugreload::internal {

namespace {

// At most 256 bytes come whole or not at all; it fails only on kernels without the call.
template <typename Bytes>
void Fill(Bytes& bytes) {
  while (getrandom(&bytes, sizeof(bytes), 0) != static_cast<ssize_t>(sizeof(bytes))) {
  }
}

}  // namespace

std::uint32_t RandomNumber() {
  std::uint32_t number = 0;
  Fill(number);
  return number;
}

std::string RandomHex(std::size_t digits) {
  std::array<unsigned char, 16> bytes{};
  Fill(bytes);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) {
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  text.resize(digits < text.size() ? digits : text.size());
  return text;
}

std::string NewUuid() {
  std::string hex = RandomHex(32);
  hex[12] = '4';
  hex[16] = "89ab"[hex[16] & 3];
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

}  // namespace plugreload::internal
