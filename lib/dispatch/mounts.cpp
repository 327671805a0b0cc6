// sys/mounts and sys/auth: what is mounted in a namespace.
#include "dispatch/mounts.hpp"

#include <fmt/format.h>

#include <utility>

#include "dispatch/text.hpp"

namespace plugreload::internal {
namespace {

constexpr std::string_view kAuthPrefix = "auth/";

Reply Legacy(Json data) {
  Reply reply = Data(std::move(data));
  reply.layout = Layout::kLegacy;
  return reply;
}

template <Table kTable>
Reply ListMounts(const ApiCall& call) {
  const Result<Page> page = PageOf(call);
  if (!page.ok()) return FromStatus(page.status());
  Json data{Json::Object{}};
  for (const MountStatus& status : MountsHere(call, kTable, *page)) {
    std::string_view path = status.mount.path;
    if (kTable == Table::kAuth) path.remove_prefix(kAuthPrefix.size());
    data.object()->push_back({std::string(path), MountView(status)});
  }
  return Legacy(std::move(data));
}

template <Table kTable>
Reply ReadMount(const ApiCall& call) {
  const std::string path = TablePath(kTable, call.captures.at("path"));
  const auto status = MountHere(call, path);
  return status ? Legacy(MountView(*status)) : NoMount(kTable, path);
}

template <Table kTable>
Reply Enable(const ApiCall& call) {
  auto entry = ParseEnable(call, kTable);
  if (!entry.ok()) return Refuse(400, std::string(entry.status().message()));
  const auto mounted = call.backend.reloads.Mount(*entry, call.deadline);
  return mounted.ok() ? Done() : EnableFailure(call, *entry, mounted.status());
}

template <Table kTable>
Reply Disable(const ApiCall& call) {
  const std::string path = TablePath(kTable, call.captures.at("path"));
  if (kTable == Table::kSecret && std::string_view(path).starts_with(kAuthPrefix)) {
    return Refuse(
        400, fmt::format("cannot unmount {}: disable an auth method with sys/auth", Quote(path)));
  }
  const Status status = call.backend.reloads.Unmount(call.ns, path, call.deadline);
  if (status.reason() == "draining") return Done({std::string(status.message())});
  // Whether something was mounted there is not told, as in Vault.
  if (status.ok() || status.code() == Code::kNotFound) return Done();
  return FromStatus(status);
}

template <Table kTable>
Reply GetTune(const ApiCall& call) {
  return ReadTune(call, kTable);
}

template <Table kTable>
Reply SetTune(const ApiCall& call) {
  return WriteTune(call, kTable);
}

template <Table kTable>
void AddTable(std::string_view all, std::string_view one, std::string_view tune,
              std::vector<Route>& routes) {
  routes.push_back({.pattern = all,
                    .fields = kPageFields,
                    .read = ListMounts<kTable>,
                    .summary = "What is mounted here, and how it runs."});
  routes.push_back({.pattern = tune,
                    .fields = TuneFields(),
                    .read = GetTune<kTable>,
                    .update = SetTune<kTable>,
                    .summary = "What is stored on a mount."});
  routes.push_back({.pattern = one,
                    .fields = EnableFields(),
                    .read = ReadMount<kTable>,
                    .update = Enable<kTable>,
                    .remove = Disable<kTable>,
                    .summary = "Mounts, reads or unmounts."});
}

}  // namespace

std::vector<Route> MountRoutes() {
  std::vector<Route> routes;
  AddTable<Table::kSecret>("sys/mounts/?", "sys/mounts/{path*}", "sys/mounts/{path*}/tune", routes);
  AddTable<Table::kAuth>("sys/auth/?", "sys/auth/{path*}", "sys/auth/{path*}/tune", routes);
  for (Route& route : RemountRoutes()) routes.push_back(route);
  return routes;
}

}  // namespace plugreload::internal
