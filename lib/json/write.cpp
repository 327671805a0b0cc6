#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cmath>

#include "json/json.hpp"

namespace plugreload::internal {
namespace {

namespace rj = rapidjson;
using Writer = rj::Writer<rj::StringBuffer>;

// The length of the UTF-8 sequence at the beginning of `text`; 0 when it is not one (overlong
// forms, surrogates and numbers above U+10FFFF are none).
std::size_t SequenceLength(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  const std::size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (text.size() < length) return 0;
  const unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

void WriteString(std::string_view text, Writer& writer) {
  std::string repaired;
  std::size_t valid = 0;  // bytes of `text` already known good or copied to `repaired`
  bool broken = false;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = SequenceLength(text.substr(i));
    i += length == 0 ? 1 : length;
    if (length != 0) continue;
    repaired.append(text.substr(valid, i - 1 - valid)).append("\xEF\xBF\xBD");
    valid = i;
    broken = true;
  }
  if (broken) {
    repaired.append(text.substr(valid));
    text = repaired;
  }
  writer.String(text.data() == nullptr ? "" : text.data(), static_cast<rj::SizeType>(text.size()));
}

// Recurses once per level: what was parsed is at most a thousand levels deep.
void Write(const Json& value, Writer& writer) {
  if (const std::string* text = value.string()) {
    WriteString(*text, writer);
  } else if (const Json::Object* members = value.object()) {
    writer.StartObject();
    for (const Json::Member& member : *members) {
      WriteString(member.key, writer);
      Write(member.value, writer);
    }
    writer.EndObject();
  } else if (const Json::Array* elements = value.array()) {
    writer.StartArray();
    for (const Json& element : *elements) Write(element, writer);
    writer.EndArray();
  } else if (const auto boolean = value.boolean()) {
    writer.Bool(*boolean);
  } else if (const auto number = value.number(); number && std::isfinite(*number)) {
    const auto integer = value.integer();
    if (integer) {
      writer.Int64(*integer);
    } else {
      writer.Double(*number);
    }
  } else {
    writer.Null();
  }
}

}  // namespace

std::string ToJson(const Json& value) {
  rj::StringBuffer buffer;
  Writer writer(buffer);
  Write(value, writer);
  return std::string(buffer.GetString(), buffer.GetSize());
}

}  // namespace plugreload::internal
