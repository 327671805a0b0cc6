// dispatch/reload_body.hpp - reports and plans of reloads as JSON and as Vault's error texts.
#ifndef PLUGRELOAD_DISPATCH_RELOAD_BODY_HPP_
#define PLUGRELOAD_DISPATCH_RELOAD_BODY_HPP_

#include <optional>
#include <string>
#include <string_view>

#include "json/json.hpp"
#include "plugreload/reload.hpp"

namespace plugreload::internal {

// Where a mount is, as seen from `ns`: "kv/", or "team/kv/" for one of a namespace below.
std::string PathFrom(std::string_view ns, const MountEntry& mount);

// Whether the reload itself is over; draining is.
bool Ended(ReloadState state);

// What is said of a reload that is still queued or running when the answer is due.
std::string LateText(std::string_view reload_id);

// Why this mount does not run what the reload should have brought; nullopt when it does, or was
// skipped. A mount that is still pending although the answer is due is such a mount.
std::optional<std::string> MountError(const ReloadReport& report, const MountReport& mount,
                                      std::string_view ns);

// One element of data.mounts.
Json MountData(const MountReport& mount);
// The same for a named path that no reload covered.
Json UncoveredData(std::string_view ns, std::string_view path, MountOutcome outcome,
                   std::string_view why);
// state, revision, times, counts and mounts, behind reload_id.
Json ReportData(const ReloadReport& report);
// What a dry run answers, behind reload_id.
Json PlanData(const ReloadPlan& plan, std::string_view reload_id);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_DISPATCH_RELOAD_BODY_HPP_
