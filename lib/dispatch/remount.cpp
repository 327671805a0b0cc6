// sys/remount: gives a mount another path or namespace. Vault does it behind and hands out an id to
// ask for; here it is one step, done when the call returns.
#include <fmt/format.h>

#include <utility>

#include "dispatch/address.hpp"
#include "dispatch/mounts.hpp"
#include "dispatch/text.hpp"

namespace plugreload::internal {
namespace {

constexpr FieldSpec kFields[] = {{"from", FieldKind::kString}, {"to", FieldKind::kString}};

// "team/kv" from the root is kv/ of the namespace team/.
Address Target(const ApiCall& call, std::string path) {
  if (!path.ends_with('/')) path += '/';
  return Locate(call.backend.namespaces, call.ns, path);
}

Reply Remount(const ApiCall& call) {
  const std::string from = call.fields.String("from");
  const std::string to = call.fields.String("to");
  if (from.empty() || to.empty()) return Refuse(400, "from and to must both be given");
  for (const std::string& path : {from, to}) {
    if (auto refused = CheckPathBytes(call, path)) return *std::move(refused);
  }
  const Address source = Target(call, from), target = Target(call, to);
  const Status status =
      call.backend.reloads.Move(source.ns, source.path, target.ns, target.path, call.deadline);
  if (status.reason() == "path_in_use") {
    return Refuse(400, fmt::format("path already in use at {}", Quote(to)));
  }
  if (status.code() == Code::kNotFound) {
    return Refuse(400, fmt::format("no matching mount at {}", Quote(from)));
  }
  if (!status.ok()) return FromStatus(status);
  call.backend.migrations.Add({call.request_id, source.ns + source.path, target.ns + target.path});
  return Data(Json::Object{{"migration_id", call.request_id}});
}

// A namespace sees what came from it and went into it, and what is below.
Reply ReadMigration(const ApiCall& call) {
  const auto migration = call.backend.migrations.Find(call.captures.at("name"));
  if (!migration || !migration->from.starts_with(call.ns) || !migration->to.starts_with(call.ns)) {
    return NotThere();
  }
  return Data(Json::Object{
      {"migration_id", migration->id},
      {"migration_info", Json::Object{{"source_mount", migration->from.substr(call.ns.size())},
                                      {"target_mount", migration->to.substr(call.ns.size())},
                                      {"status", "success"}}}});
}

}  // namespace

std::vector<Route> RemountRoutes() {
  return {{.pattern = "sys/remount",
           .fields = kFields,
           .update = Remount,
           .summary = "Gives a mount another path or namespace; done when it returns."},
          {.pattern = "sys/remount/status/{name}",
           .fields = {},
           .read = ReadMigration,
           .summary = "A remount of the last 256."}};
}

}  // namespace plugreload::internal
