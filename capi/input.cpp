#include "input.hpp"

#include <algorithm>
#include <cstring>

namespace plugreload::capi {

void Input::Refuse(std::string_view reason, std::string_view message) {
  if (!status_.ok()) return;
  status_ =
      Status(Code::kInvalidArgument, reason, std::string(what_) + ": " + std::string(message));
}

bool Input::Require(const void* argument, const char* name) {
  if (argument == nullptr) Refuse("null_argument", std::string(name) + " is NULL");
  return argument != nullptr;
}

std::string_view Input::View(const char* data, std::size_t len, const char* name) {
  if (data == nullptr) {
    if (len != 0) {
      Refuse("null_argument", std::string(name) + " is NULL, but its length is not 0");
    }
    return {};
  }
  return {data, len == PLUGRELOAD_NTS ? std::strlen(data) : len};
}

std::string Input::Text(const char* data, std::size_t len, const char* name) {
  return std::string(View(data, len, name));
}

std::optional<std::string> Input::Maybe(const char* data, std::size_t len, const char* name) {
  const std::string_view view = View(data, len, name);
  if (view.data() == nullptr) return std::nullopt;
  return std::string(view);
}

std::vector<std::string> Input::Texts(const char* const* data, const std::size_t* lens,
                                      std::size_t count, const char* name) {
  std::vector<std::string> texts;
  if (count == 0 || !Require(data, name)) return texts;
  for (std::size_t i = 0; i < count; ++i) {
    if (!Require(data[i], name)) break;
    texts.push_back(Text(data[i], lens == nullptr ? PLUGRELOAD_NTS : lens[i], name));
  }
  return texts;
}

std::map<std::string, std::string> Input::Options(const char* const* keys,
                                                  const std::size_t* key_lens,
                                                  const char* const* values,
                                                  const std::size_t* value_lens,
                                                  std::size_t count) {
  const auto names = Texts(keys, key_lens, count, "option_keys");
  const auto texts = Texts(values, value_lens, count, "option_values");
  std::map<std::string, std::string> options;
  for (std::size_t i = 0; i < std::min(names.size(), texts.size()); ++i) {
    if (!options.emplace(names[i], texts[i]).second) {
      Refuse("duplicate_option", "the option \"" + names[i] + "\" is given twice");
    }
  }
  return options;
}

std::vector<int> Input::Numbers(const std::int32_t* data, std::size_t count, const char* name) {
  if (count == 0 || !Require(data, name)) return {};
  return std::vector<int>(data, data + count);
}

Millis Input::Timeout(std::int64_t timeout_ms, Millis fallback) {
  if (timeout_ms == PLUGRELOAD_DEFAULT) return fallback;
  if (timeout_ms < 0) RefuseNumber(timeout_ms, "timeout_ms");
  return Millis(timeout_ms);
}

Deadline Input::Until(std::int64_t timeout_ms, Millis fallback) {
  return After(Timeout(timeout_ms, fallback));
}

void Input::Time(std::int64_t given_ms, Negative negative, const char* name, Millis* time) {
  if (given_ms == 0) return;
  if (given_ms < 0 && negative == Negative::kRefused) return RefuseNumber(given_ms, name);
  *time = Millis(std::max<std::int64_t>(given_ms, 0));
}

std::optional<Order> Input::OrderOf(std::int32_t given) {
  switch (given) {
    case PLUGRELOAD_ORDER_DEFAULT:
      return std::nullopt;
    case PLUGRELOAD_ORDER_START_FIRST:
      return Order::kStartFirst;
    case PLUGRELOAD_ORDER_STOP_FIRST:
      return Order::kStopFirst;
    default:
      RefuseNumber(given, "order");
      return std::nullopt;
  }
}

void Input::Flags(std::uint64_t given, std::uint64_t known) {
  if ((given & ~known) != 0) {
    Refuse("invalid_number", "flags has a bit that this version of the library does not know");
  }
}

void Input::RefuseNumber(std::int64_t given, const char* name) {
  Refuse("invalid_number", std::string(name) + " is " + std::to_string(given) +
                               ", which is none of its constants and no valid value");
}

void Input::CopyStruct(const void* given, void* own, std::size_t own_size, const char* name) {
  std::size_t size = 0;
  std::memcpy(&size, given, sizeof size);
  // Every struct is made of 8-byte units; another size would cut a pointer in two.
  if (size < sizeof size || size > kMaxStructSize || size % sizeof(std::uint64_t) != 0) {
    Refuse("struct_size", "struct_size of " + std::string(name) + " is " + std::to_string(size) +
                              "; set it to the sizeof of the struct");
    return;
  }
  std::memcpy(own, given, std::min(size, own_size));
  const auto* bytes = static_cast<const unsigned char*>(given);
  if (size > own_size &&
      std::any_of(bytes + own_size, bytes + size, [](unsigned char byte) { return byte != 0; })) {
    Refuse("struct_size", std::string(name) +
                              " uses a field that this version of the library does "
                              "not know; update the library, or leave it zero");
  }
}

}  // namespace plugreload::capi
