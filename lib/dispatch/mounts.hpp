// dispatch/mounts.hpp - mounts in requests and answers of sys/mounts, sys/auth and sys/remount.
#ifndef PLUGRELOAD_DISPATCH_MOUNTS_HPP_
#define PLUGRELOAD_DISPATCH_MOUNTS_HPP_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/page.hpp"
#include "dispatch/route.hpp"
#include "json/json.hpp"
#include "plugreload/reload.hpp"
#include "plugreload/types.hpp"

namespace plugreload::internal {

// The two halves of the mount table, which differ in their paths and texts.
enum class Table { kSecret, kAuth };

// The path in the tree that the URL means: "kv/", or "auth/ldap/" in the table of auth methods.
std::string TablePath(Table table, std::string_view url_path);

// Vault's fields of one mount, and ours.
Json MountView(const MountStatus& status);
// The mounts of the call's own namespace, as they run; `page` is of paths as the table has them.
std::vector<MountStatus> MountsHere(const ApiCall& call, Table table, const Page& page);
std::optional<MountStatus> MountHere(const ApiCall& call, std::string_view path);

// The plugin that the body of an enable request names, in whichever form; empty: none. ParseEnable
// takes no other one.
std::string NamedPlugin(const Json& body);
// The fields of an enable request, and the mount they ask for. kInvalidArgument.
std::span<const FieldSpec> EnableFields();
Result<MountEntry> ParseEnable(const ApiCall& call, Table table);
// What a failed Mount answers.
Reply EnableFailure(const ApiCall& call, const MountEntry& entry, const Status& status);

// sys/mounts/:path/tune and sys/auth/:path/tune.
std::span<const FieldSpec> TuneFields();
Reply ReadTune(const ApiCall& call, Table table);
Reply WriteTune(const ApiCall& call, Table table);
Reply NoMount(Table table, std::string_view path);

std::vector<Route> RemountRoutes();

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_DISPATCH_MOUNTS_HPP_
