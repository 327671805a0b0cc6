// input.hpp - arguments and structs on their way in; remembers the first thing that is wrong.
#ifndef PLUGRELOAD_CAPI_INPUT_HPP_
#define PLUGRELOAD_CAPI_INPUT_HPP_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "plugreload/plugreload.h"
#include "plugreload/status.hpp"
#include "plugreload/types.hpp"

namespace plugreload::capi {

// No struct of ours will be larger: a larger struct_size is a mistake, and its tail is not read.
inline constexpr std::size_t kMaxStructSize = 4096;

// Converts the arguments of one call. After a mistake it goes on with empty values, so that a
// caller converts everything and asks for status() once.
//
// Thread safety: one thread.
class Input {
 public:
  // `what` is the function that was called, for messages.
  explicit Input(const char* what) : what_(what) {}

  const Status& status() const { return status_; }
  void Refuse(std::string_view reason, std::string_view message);
  // "null_argument" when it is NULL.
  bool Require(const void* argument, const char* name);

  // A view of the caller's text; data() is null for "none".
  std::string_view View(const char* data, std::size_t len, const char* name);
  std::string Text(const char* data, std::size_t len, const char* name);
  std::optional<std::string> Maybe(const char* data, std::size_t len, const char* name);
  std::vector<std::string> Texts(const char* const* data, const std::size_t* lens,
                                 std::size_t count, const char* name);
  std::map<std::string, std::string> Options(const char* const* keys, const std::size_t* key_lens,
                                             const char* const* values,
                                             const std::size_t* value_lens, std::size_t count);
  std::vector<int> Numbers(const std::int32_t* data, std::size_t count, const char* name);

  // timeout_ms as rule 7 says.
  Millis Timeout(std::int64_t timeout_ms, Millis fallback);
  Deadline Until(std::int64_t timeout_ms, Millis fallback = kDefaultMutationTimeout);
  // A time in a struct: 0 keeps the default. `negative` says what a negative one means.
  enum class Negative { kRefused, kNone };
  void Time(std::int64_t given_ms, Negative negative, const char* name, Millis* time);
  // A count in a struct: 0 keeps the default.
  template <typename Count>
  void Limit(std::size_t given, Count* limit) {
    if (given != 0) *limit = static_cast<Count>(given);
  }

  // A number between two constants.
  template <typename Enum>
  Enum Number(std::int32_t given, Enum first, Enum last, const char* name) {
    if (given < static_cast<std::int32_t>(first) || given > static_cast<std::int32_t>(last)) {
      RefuseNumber(given, name);
      return first;
    }
    return static_cast<Enum>(given);
  }
  std::optional<Order> OrderOf(std::int32_t given);
  void Flags(std::uint64_t given, std::uint64_t known);

  // A copy of the caller's struct, of whatever age: see rule 5. All zero when it cannot be read;
  // what is known of it is also there when its tail is refused.
  template <typename Struct>
  Struct Copy(const Struct* given, const char* name) {
    static_assert(std::is_trivially_copyable_v<Struct> && offsetof(Struct, struct_size) == 0);
    Struct own{};
    if (Require(given, name)) CopyStruct(given, &own, sizeof own, name);
    return own;
  }

 private:
  void RefuseNumber(std::int64_t given, const char* name);
  void CopyStruct(const void* given, void* own, std::size_t own_size, const char* name);

  const char* what_;
  Status status_;
};

}  // namespace plugreload::capi

#endif  // PLUGRELOAD_CAPI_INPUT_HPP_
