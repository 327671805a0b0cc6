#include <fmt/format.h>

#include <limits>
#include <optional>

#include "json/json.hpp"
#include "state/documents.hpp"

namespace plugreload::internal {
namespace {

// Reads the members of one document; remembers the first that is wrong.
class Reader {
 public:
  explicit Reader(const Json& document) : document_(document) {
    if (document.object() == nullptr) Fail("document");
  }

  // Each leaves `value` as it is when the member is missing.
  void Get(std::string_view key, std::string& value) {
    const Json* member = document_.Find(key);
    if (member == nullptr) return;
    member->string() != nullptr ? void(value = *member->string()) : Fail(key);
  }
  void Get(std::string_view key, bool& value) {
    const Json* member = document_.Find(key);
    if (member == nullptr) return;
    const auto boolean = member->boolean();
    boolean ? void(value = *boolean) : Fail(key);
  }
  void Get(std::string_view key, Millis& value) {
    const Json* member = document_.Find(key);
    if (member == nullptr) return;
    const auto number = member->integer();
    number ? void(value = Millis(*number)) : Fail(key);
  }
  void Get(std::string_view key, std::vector<std::string>& value) {
    const Json* member = document_.Find(key);
    if (member == nullptr) return;
    if (member->array() == nullptr) return Fail(key);
    value.clear();
    for (const Json& element : *member->array()) {
      element.string() != nullptr ? void(value.push_back(*element.string())) : Fail(key);
    }
  }
  void Get(std::string_view key, std::vector<int>& value) {
    const Json* member = document_.Find(key);
    if (member == nullptr) return;
    if (member->array() == nullptr) return Fail(key);
    value.clear();
    for (const Json& element : *member->array()) {
      const auto number = element.integer();
      number&& std::in_range<int>(*number) ? value.push_back(static_cast<int>(*number)) : Fail(key);
    }
  }
  void Get(std::string_view key, std::map<std::string, std::string>& value) {
    const Json* member = document_.Find(key);
    if (member == nullptr) return;
    if (member->object() == nullptr) return Fail(key);
    value.clear();
    for (const Json::Member& entry : *member->object()) {
      entry.value.string() != nullptr ? void(value[entry.key] = *entry.value.string()) : Fail(key);
    }
  }
  template <typename Enum, typename Parse>
  void GetNamed(std::string_view key, Enum& value, Parse parse) {
    std::string text;
    Get(key, text);
    if (text.empty()) return;
    const std::optional<Enum> parsed = parse(text);
    parsed ? void(value = *parsed) : Fail(key);
  }
  // Never empty, never missing.
  void Require(std::string_view key, std::string& value) {
    Get(key, value);
    if (value.empty()) Fail(key);
  }
  void RequireType(PluginType& value) {
    value = PluginType::kUnknown;
    GetNamed("type", value, ParsePluginType);
    if (value == PluginType::kUnknown) Fail("type");
  }
  const Json* Find(std::string_view key) const { return document_.Find(key); }
  void Fail(std::string_view key) {
    if (failure_.empty()) failure_ = key;
  }

  template <typename T>
  Result<T> Finish(T value, std::string_view what) const {
    if (failure_.empty()) return value;
    return Status(Code::kDataLoss, "invalid_document",
                  fmt::format("the store's document of a {} has no valid field '{}'; a newer "
                              "version or a foreign hand may have written it",
                              what, failure_));
  }

 private:
  const Json& document_;
  std::string failure_;
};

Result<Json> Parse(std::string_view text, std::string_view what) {
  Result<Json> document = ParseJson(text);
  if (document.ok()) return document;
  return Status(Code::kDataLoss, "invalid_document",
                fmt::format("the store's document of a {} is not JSON: {}", what,
                            document.status().message()));
}

void ReadTimeouts(Reader& spec, PluginTimeouts& timeouts) {
  const Json* member = spec.Find("timeouts");
  if (member == nullptr) return;
  if (member->object() == nullptr) return spec.Fail("timeouts");
  Reader reader(*member);
  reader.Get("start_ms", timeouts.start);
  reader.Get("attach_ms", timeouts.attach);
  reader.Get("drain_ms", timeouts.drain);
  reader.Get("graceful_ms", timeouts.graceful);
  reader.Get("terminate_ms", timeouts.terminate);
  reader.Get("kill_ms", timeouts.kill);
  if (!reader.Finish(0, "timeout").ok()) spec.Fail("timeouts");
}

void ReadHandshake(Reader& spec, std::optional<Handshake>& handshake) {
  const Json* member = spec.Find("handshake");
  if (member == nullptr || member->is_null()) return;
  if (member->object() == nullptr) return spec.Fail("handshake");
  Reader reader(*member);
  Handshake read;
  reader.Get("cookie_key", read.cookie_key);
  reader.Get("cookie_value", read.cookie_value);
  reader.Get("protocol_versions", read.protocol_versions);
  if (!reader.Finish(0, "handshake").ok()) return spec.Fail("handshake");
  handshake = std::move(read);
}

std::optional<StartMode> ParseStartMode(std::string_view text) {
  if (text == "eager") return StartMode::kEager;
  if (text == "lazy") return StartMode::kLazy;
  return std::nullopt;
}

}  // namespace

Result<PluginSpec> DecodePlugin(std::string_view text) {
  const Result<Json> document = Parse(text, "plugin");
  if (!document.ok()) return document.status();
  Reader reader(*document);
  PluginSpec spec;
  reader.RequireType(spec.ref.type);
  reader.Require("name", spec.ref.name);
  reader.Get("version", spec.ref.version);
  reader.Get("launcher", spec.launcher);
  reader.Get("command", spec.command);
  reader.Get("args", spec.args);
  reader.Get("env", spec.env);
  reader.Get("sha256", spec.sha256);
  reader.GetNamed("image", spec.image, ParseImage);
  reader.GetNamed("sharing", spec.sharing, ParseSharing);
  reader.GetNamed("order", spec.order, ParseOrder);
  reader.Get("protocols", spec.protocols);
  ReadTimeouts(reader, spec.timeouts);
  ReadHandshake(reader, spec.handshake);
  return reader.Finish(std::move(spec), "plugin");
}

Result<Pin> DecodePin(std::string_view text) {
  const Result<Json> document = Parse(text, "pin");
  if (!document.ok()) return document.status();
  Reader reader(*document);
  Pin pin;
  reader.RequireType(pin.type);
  reader.Require("name", pin.name);
  reader.Require("version", pin.version);
  return reader.Finish(std::move(pin), "pin");
}

Result<NamespaceInfo> DecodeNamespace(std::string_view text) {
  const Result<Json> document = Parse(text, "namespace");
  if (!document.ok()) return document.status();
  Reader reader(*document);
  NamespaceInfo info;
  reader.Get("path", info.path);
  reader.Require("id", info.id);
  reader.Get("custom_metadata", info.custom_metadata);
  return reader.Finish(std::move(info), "namespace");
}

Result<MountEntry> DecodeMount(std::string_view text) {
  const Result<Json> document = Parse(text, "mount");
  if (!document.ok()) return document.status();
  Reader reader(*document);
  MountEntry entry;
  reader.Get("namespace", entry.ns);
  reader.Require("path", entry.path);
  reader.Require("accessor", entry.accessor);
  reader.RequireType(entry.type);
  reader.Require("plugin", entry.plugin);
  reader.Get("version", entry.version);
  reader.Get("description", entry.description);
  reader.Get("options", entry.options);
  reader.GetNamed("start", entry.start, ParseStartMode);
  reader.Get("override_pinned_version", entry.override_pinned_version);
  return reader.Finish(std::move(entry), "mount");
}

}  // namespace plugreload::internal
