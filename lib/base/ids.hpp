// base/ids.hpp - identifiers that are unique for ever.
#ifndef PLUGRELOAD_BASE_IDS_HPP_
#define PLUGRELOAD_BASE_IDS_HPP_

#include <cstddef>
#include <cstdint>
#include <string>

namespace plugreload::internal {

// A random UUID (version 4), from getrandom: it never blocks on a booted machine.
std::string NewUuid();
// `digits` random hex digits, at most 32.
std::string RandomHex(std::size_t digits);
std::uint32_t RandomNumber();

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_BASE_IDS_HPP_
