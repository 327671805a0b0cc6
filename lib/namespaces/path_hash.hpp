// namespaces/path_hash.hpp - the segments of a path, and a keyed hash that grows by one of them.
#ifndef PLUGRELOAD_NAMESPACES_PATH_HASH_HPP_
#define PLUGRELOAD_NAMESPACES_PATH_HASH_HPP_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace plugreload::internal {

// Up to 16 bytes of a text, whole: two texts of one length are equal if and only if these are.
// The loads overlap rather than read beyond the text.
struct TextWords {
  std::uint64_t low = 0, high = 0;
  bool operator==(const TextWords&) const = default;
};

namespace path_hash_detail {
template <typename Word>
std::uint64_t Load(const char* text) {
  Word word;
  std::memcpy(&word, text, sizeof word);
  return word;
}
}  // namespace path_hash_detail

// REQUIRES: at most 16 bytes.
inline TextWords WordsOf(std::string_view text) {
  using path_hash_detail::Load;
  const char* data = text.data();
  const std::size_t size = text.size();
  if (size >= 8) return {Load<std::uint64_t>(data), Load<std::uint64_t>(data + size - 8)};
  if (size >= 4) return {Load<std::uint32_t>(data), Load<std::uint32_t>(data + size - 4)};
  if (size == 0) return {};
  const auto at = [data](std::size_t i) {
    return static_cast<std::uint64_t>(static_cast<unsigned char>(data[i]));
  };
  return {at(0) | at(size / 2) << 8 | at(size - 1) << 16, 0};
}

// The first slash at or behind `begin`, else the size. Eight bytes at a time.
inline std::size_t FindSlash(std::string_view path, std::size_t begin) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;
  std::size_t at = begin;
  if constexpr (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
    for (; at + 8 <= path.size(); at += 8) {
      const std::uint64_t word =
          path_hash_detail::Load<std::uint64_t>(path.data() + at) ^ (kOnes * '/');
      // A byte that is zero has its high bit set here, and the lowest such bit is exact.
      const std::uint64_t zero = (word - kOnes) & ~word & kHighs;
      if (zero != 0) return at + static_cast<std::size_t>(__builtin_ctzll(zero)) / 8;
    }
  }
  while (at < path.size() && path[at] != '/') ++at;
  return at;
}

// Keyed: who chooses paths cannot choose where they fall. A multiplication folded to 64 bits per 16
// bytes of a segment; the hash of a longer path begins with that of the shorter one.
class PathHash {
 public:
  PathHash(std::uint64_t key, std::uint64_t other_key) : key_(key), other_key_(other_key | 1) {}

  std::uint64_t Root() const { return key_; }
  std::uint64_t Step(std::uint64_t hash, std::string_view segment) const {
    while (segment.size() > 16) [[unlikely]] {
        hash = Fold(hash, WordsOf(segment.substr(0, 16)), 17);
        segment.remove_prefix(16);
      }
    return Fold(hash, WordsOf(segment), segment.size());
  }

 private:
  std::uint64_t Fold(std::uint64_t hash, const TextWords& words, std::size_t size) const {
    __extension__ using Wide = unsigned __int128;
    const Wide product = Wide{hash ^ words.low ^ size} * (words.high ^ other_key_);
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64) ^ key_;
  }

  const std::uint64_t key_, other_key_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_NAMESPACES_PATH_HASH_HPP_
