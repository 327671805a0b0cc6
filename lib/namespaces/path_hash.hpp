// namespaces/path_hash.hpp - the segments of a path, and a keyed hash that grows by one of them.
#ifndef PLUGRELOAD_NAMESPACES_PATH_HASH_HPP_
#define PLUGRELOAD_NAMESPACES_PATH_HASH_HPP_

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace plugreload::internal {

namespace path_hash_detail {

// Lowest byte first, whatever the machine's order.
template <typename Word>
std::uint64_t Load(const char* text) {
  Word word;
  std::memcpy(&word, text, sizeof word);
  if constexpr (std::endian::native == std::endian::big) {
    return sizeof word == 8 ? __builtin_bswap64(word)
                            : __builtin_bswap32(static_cast<std::uint32_t>(word));
  }
  return word;
}

// The lowest `size` bytes of 16, 0 to 16.
struct Mask {
  std::uint64_t low, high;
};
inline constexpr std::array<Mask, 17> kMasks = [] {
  std::array<Mask, 17> masks{};
  for (std::size_t size = 0; size <= 16; ++size) {
    for (std::size_t i = 0; i < size; ++i) {
      (i < 8 ? masks[size].low : masks[size].high) |= std::uint64_t{0xFF} << (i % 8 * 8);
    }
  }
  return masks;
}();

// The first 16 bytes of a text of `size`, of a shorter one all of it, behind it zeros. The loads
// overlap rather than read beyond the text.
[[gnu::always_inline]] inline Mask Head(const char* text, std::size_t size) {
  if (size >= 16) return {Load<std::uint64_t>(text), Load<std::uint64_t>(text + 8)};
  if (size > 8) {
    return {Load<std::uint64_t>(text), Load<std::uint64_t>(text + size - 8) >> (8 * (16 - size))};
  }
  if (size >= 4) {
    return {Load<std::uint32_t>(text) | Load<std::uint32_t>(text + size - 4) << (8 * (size - 4)),
            0};
  }
  if (size == 0) return {0, 0};
  const auto at = [text](std::size_t i) {
    return std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
  };
  return {at(0) | at(size / 2) | at(size - 1), 0};
}

// Where the first slash of such a head is; 16: there is none.
inline std::size_t FirstSlash(const Mask& head) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;
  // A byte that is a slash has its high bit set here, and the lowest such bit is exact.
  const auto slashes = [](std::uint64_t word) {
    word ^= kOnes * '/';
    return (word - kOnes) & ~word & kHighs;
  };
  const std::uint64_t low = slashes(head.low), high = slashes(head.high);
  if (low != 0) return static_cast<std::size_t>(std::countr_zero(low)) / 8;
  return high != 0 ? 8 + static_cast<std::size_t>(std::countr_zero(high)) / 8 : 16;
}

// The same of a text of 16 bytes or more.
inline std::size_t FirstSlashOf16(const char* text, [[maybe_unused]] const Mask& head) {
#if defined(__SSE2__)
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
  const int slashes = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('/')));
  return static_cast<std::size_t>(std::countr_zero(static_cast<unsigned>(slashes) | 0x10000));
#else
  return FirstSlash(head);
#endif
}

}  // namespace path_hash_detail

// Whether two texts of one size are equal. Texts of paths are short: a call would cost more.
[[gnu::always_inline]] inline bool EqualBytes(const char* a, const char* b, std::size_t size) {
  using path_hash_detail::Load;
  using Word = std::uint64_t;
#if defined(__SSE2__)
  if (size >= 16) {
    const auto differ = [a, b](std::size_t at) {
      const __m128i left = _mm_loadu_si128(reinterpret_cast<const __m128i*>(a + at));
      const __m128i right = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b + at));
      return _mm_movemask_epi8(_mm_cmpeq_epi8(left, right)) != 0xFFFF;
    };
    for (std::size_t at = 0; at + 16 < size; at += 16) {
      if (differ(at)) return false;
    }
    return !differ(size - 16);
  }
#endif
  if (size >= 8) {
    for (std::size_t at = 0; at + 8 < size; at += 8) {
      if (Load<Word>(a + at) != Load<Word>(b + at)) return false;
    }
    return Load<Word>(a + size - 8) == Load<Word>(b + size - 8);
  }
  if (size >= 4) {
    using Half = std::uint32_t;
    return Load<Half>(a) == Load<Half>(b) && Load<Half>(a + size - 4) == Load<Half>(b + size - 4);
  }
  return size == 0 || (a[0] == b[0] && a[size / 2] == b[size / 2] && a[size - 1] == b[size - 1]);
}

// Keyed: who chooses paths cannot choose where they fall. A namespace is hashed whole, and a path
// in it segment by segment onto that: the hash of a longer path begins with that of the shorter
// one. Each 16 bytes are folded by a multiplication, and these by another, so that no fold waits
// for one before it.
class PathHash {
 public:
  PathHash(std::uint64_t key, std::uint64_t other_key, std::uint64_t factor)
      : key_(key), other_key_(other_key), factor_(factor | 1) {}

  // Of a namespace without slashes at its ends; the root has none.
  [[gnu::always_inline]] std::uint64_t OfNamespace(std::string_view ns) const {
    using path_hash_detail::Head;
    std::uint64_t hash = 0;
    if (ns.size() <= 16) {
      const auto head = Head(ns.data(), ns.size());
      return ns.empty() ? 0 : Fold(head.low, head.high, ns.size());
    }
    for (std::size_t at = 0; at + 16 < ns.size(); at += 16) {
      const auto bytes = Head(ns.data() + at, 16);
      hash = hash * factor_ + Fold(bytes.low, bytes.high, 17);
    }
    const auto last = Head(ns.data() + ns.size() - 16, 16);
    return hash * factor_ + Fold(last.low, last.high, ns.size());
  }

  // The segment of `path` that begins at `begin`: adds it to `hash`, returns where it ends: at a
  // slash, or at the end of the path.
  [[gnu::always_inline]] std::size_t Step(std::string_view path, std::size_t begin,
                                          std::uint64_t& hash) const {
    using namespace path_hash_detail;
    for (;;) {
      const char* const text = path.data() + begin;
      const std::size_t left = path.size() - begin;
      const Mask head = Head(text, left);
      std::size_t size = left;
      if (left >= 16) {
        size = FirstSlashOf16(text, head);
        if (size == 16 && left > 16 && text[16] != '/') [[unlikely]] {
          hash = hash * factor_ + Fold(head.low, head.high, 17);
          begin += 16;
          continue;
        }
      } else {
        size = std::min(FirstSlash(head), left);
      }
      const Mask& mask = kMasks[size];
      hash = hash * factor_ + Fold(head.low & mask.low, head.high & mask.high, size);
      return begin + size;
    }
  }

 private:
  std::uint64_t Fold(std::uint64_t low, std::uint64_t high, std::size_t size) const {
    __extension__ using Wide = unsigned __int128;
    const Wide product = Wide{low ^ key_} * ((high ^ other_key_) + size);
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }

  const std::uint64_t key_, other_key_, factor_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_NAMESPACES_PATH_HASH_HPP_
