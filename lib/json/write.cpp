#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cmath>

#include "base/utf8.hpp"
#include "json/json.hpp"

namespace plugreload::internal {
namespace {

namespace rj = rapidjson;
using Writer = rj::Writer<rj::StringBuffer>;

void WriteString(std::string_view text, Writer& writer) {
  std::string repaired;
  std::size_t valid = 0;  // bytes of `text` already known good or copied to `repaired`
  bool broken = false;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = Utf8CharacterBytes(text.substr(i));
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
