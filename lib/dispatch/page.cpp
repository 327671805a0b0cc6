#include "dispatch/page.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

#include "dispatch/text.hpp"

namespace plugreload::internal {

Result<Page> PageOf(const ApiCall& call) {
  Page page;
  page.after = call.fields.String("after");
  const std::string text = call.fields.String("limit");
  if (text.empty()) return page;
  std::int64_t limit = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, limit);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    return Status(Code::kInvalidArgument, "invalid_limit",
                  fmt::format("the limit of a list must be a number, got {}", Quote(text)));
  }
  if (limit > 0) page.limit = static_cast<std::size_t>(limit);
  return page;
}

}  // namespace plugreload::internal
