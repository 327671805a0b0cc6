// sys/namespaces: the tenants below the namespace of the call.
#include <fmt/format.h>

#include <utility>

#include "dispatch/page.hpp"
#include "dispatch/route.hpp"
#include "dispatch/text.hpp"

namespace plugreload::internal {
namespace {

using Metadata = std::map<std::string, std::string>;

constexpr FieldSpec kWriteFields[] = {{"custom_metadata", FieldKind::kMap}};

std::string Named(const ApiCall& call) {
  std::string path = call.ns + call.captures.at("path");
  if (!path.ends_with('/')) path += '/';
  return path;
}

// A path like "/root" would otherwise lead to the root itself.
bool IsBelow(const ApiCall& call, const NamespaceInfo& info) {
  return info.path.size() > call.ns.size() && std::string_view(info.path).starts_with(call.ns);
}

std::optional<NamespaceInfo> FindNamed(const ApiCall& call) {
  auto info = call.backend.namespaces.Find(Named(call));
  if (info && !IsBelow(call, *info)) info.reset();
  return info;
}

Json NamespaceData(const NamespaceInfo& info) {
  return Json::Object{
      {"id", info.id}, {"path", info.path}, {"custom_metadata", info.custom_metadata}};
}

// Merges the request into `metadata`: a string sets a key, null removes it.
Status Merge(const ApiCall& call, Metadata& metadata) {
  const Json* change = call.fields.Map("custom_metadata");
  if (change == nullptr) return {};
  for (const Json::Member& member : *change->object()) {
    if (member.value.is_null()) {
      metadata.erase(member.key);
    } else if (member.value.string() != nullptr) {
      metadata[member.key] = *member.value.string();
    } else {
      return Status(Code::kInvalidArgument, "invalid_metadata",
                    fmt::format("metadata patch can only have string or null values, got {} in {}",
                                member.value.kind(), Quote(member.key)));
    }
  }
  return {};
}

Reply ListNamespaces(const ApiCall& call) {
  const Result<Page> page = PageOf(call);
  if (!page.ok()) return FromStatus(page.status());
  Json::Array keys;
  Json infos{Json::Object{}};
  for (const NamespaceInfo& info : call.backend.namespaces.List(call.ns, Depth::kChildren)) {
    const std::string key = info.path.substr(call.ns.size());
    if (key <= page->after) continue;
    if (keys.size() == page->limit) break;
    keys.push_back(key);
    infos.object()->push_back({key, NamespaceData(info)});
  }
  if (keys.empty()) return NotThere();
  return Data(Json::Object{{"keys", std::move(keys)}, {"key_info", std::move(infos)}});
}

Reply ReadNamespace(const ApiCall& call) {
  const auto info = FindNamed(call);
  return info ? Data(NamespaceData(*info)) : NotThere();
}

// Creates it; of one that exists, the metadata is replaced when the request has some.
Reply WriteNamespace(const ApiCall& call) {
  Metadata metadata;
  Status status = Merge(call, metadata);
  if (!status.ok()) return FromStatus(status);
  const std::string path = Named(call);
  status = call.backend.namespaces.Create(path, metadata, call.deadline);
  if (status.code() == Code::kAlreadyExists && FindNamed(call)) {
    status = call.fields.Has("custom_metadata")
                 ? call.backend.namespaces.SetMetadata(path, metadata, call.deadline)
                 : Status();
  }
  if (status.code() == Code::kNotFound) return Refuse(400, std::string(status.message()));
  return status.ok() ? ReadNamespace(call) : FromStatus(status);
}

Reply PatchNamespace(const ApiCall& call) {
  if (!call.fields.Has("custom_metadata")) {
    return Refuse(400, "missing required field \"custom_metadata\"");
  }
  auto info = FindNamed(call);
  if (!info) return NotThere();
  Status status = Merge(call, info->custom_metadata);
  if (!status.ok()) return FromStatus(status);
  status = call.backend.namespaces.SetMetadata(info->path, info->custom_metadata, call.deadline);
  return status.ok() ? ReadNamespace(call) : FromStatus(status);
}

Reply DeleteNamespace(const ApiCall& call) {
  const auto info = FindNamed(call);
  if (!info) return Done({"requested namespace does not exist"});
  const Status status = call.backend.namespaces.Remove(info->path, call.deadline);
  if (status.ok()) return Done();
  if (status.reason() != "namespace_not_empty") return FromStatus(status);
  return Refuse(409, call.backend.namespaces.List(info->path, Depth::kChildren).empty()
                         ? std::string(status.message())
                         : "unable to delete namespace containing child namespaces");
}

}  // namespace

std::vector<Route> NamespaceRoutes() {
  return {{.pattern = "sys/namespaces/?",
           .fields = kPageFields,
           .list = ListNamespaces,
           .summary = "The namespaces directly below."},
          {.pattern = "sys/namespaces/{path*}",
           .fields = kWriteFields,
           .read = ReadNamespace,
           .update = WriteNamespace,
           .patch = PatchNamespace,
           .remove = DeleteNamespace,
           .summary = "Creates, reads, changes or removes a namespace."}};
}

}  // namespace plugreload::internal
