// output.hpp - texts and numbers on their way out; whatever is missing is "" or 0.
#ifndef PLUGRELOAD_CAPI_OUTPUT_HPP_
#define PLUGRELOAD_CAPI_OUTPUT_HPP_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace plugreload::capi {

// REQUIRES: text.data() is null or terminated (a view of a whole string).
inline const char* Out(std::string_view text, std::size_t* len) {
  if (len != nullptr) *len = text.size();
  return text.data() == nullptr ? "" : text.data();
}
inline const char* Out(const std::string* text, std::size_t* len) {
  return Out(text == nullptr ? std::string_view() : std::string_view(*text), len);
}

// A member of a member of ... of an object; null when the object is.
template <typename Object>
const Object* Field(const Object* object) {
  return object;
}
template <typename Object, typename Value, typename... Members>
auto Field(const Object* object, Value Object::*member, Members... members) {
  const Value* value = object == nullptr ? nullptr : &(object->*member);
  return Field(value, members...);
}

template <typename Value>
Value ValueOf(const Value* value) {
  return value == nullptr ? Value{} : *value;
}

// Null for an index behind the end.
template <typename Item>
const Item* At(const std::vector<Item>* items, std::size_t index) {
  return items != nullptr && index < items->size() ? &(*items)[index] : nullptr;
}
template <typename Item>
std::size_t Count(const std::vector<Item>* items) {
  return items == nullptr ? 0 : items->size();
}

// For a lookup by key without an allocation.
template <typename Map>
const char* Find(const Map& map, const char* key, std::size_t key_len, std::size_t* len) {
  if (len != nullptr) *len = 0;
  if (key == nullptr) return nullptr;
  const std::string_view wanted = key_len == static_cast<std::size_t>(-1)
                                      ? std::string_view(key)
                                      : std::string_view(key, key_len);
  for (const auto& [name, value] : map) {
    if (name == wanted) return Out(value, len);
  }
  return nullptr;
}

}  // namespace plugreload::capi

#endif  // PLUGRELOAD_CAPI_OUTPUT_HPP_
