// dispatch/page.hpp - a part of a list, as OpenBao's clients ask for it.
#ifndef PLUGRELOAD_DISPATCH_PAGE_HPP_
#define PLUGRELOAD_DISPATCH_PAGE_HPP_

#include <cstddef>
#include <limits>
#include <string>

#include "dispatch/route.hpp"

namespace plugreload::internal {

// `after`: the key that the part begins behind, which need not exist; `limit`: how many keys at
// most, all of them when it is absent or not above 0. The last key of a part is the next one's
// `after`.
inline constexpr FieldSpec kPageFields[] = {{"after", FieldKind::kString},
                                            {"limit", FieldKind::kString}};

struct Page {
  std::string after;
  std::size_t limit = std::numeric_limits<std::size_t>::max();
};

// Of a route with kPageFields. kInvalidArgument.
Result<Page> PageOf(const ApiCall& call);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_DISPATCH_PAGE_HPP_
