// sys/health and sys/seal-status: enough for a client that asks before it goes on. Nothing here is
// ever sealed.
#include <chrono>

#include "dispatch/route.hpp"
#include "plugreload/version.h"

namespace plugreload::internal {
namespace {

Reply Bare(Json data) {
  Reply reply = Data(std::move(data));
  reply.layout = Layout::kBare;
  return reply;
}

Reply Health(const ApiCall& call) {
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
  return Bare(Json::Object{{"initialized", true},
                           {"sealed", false},
                           {"standby", false},
                           {"performance_standby", false},
                           {"server_time_utc", now.count()},
                           {"version", PLUGRELOAD_VERSION_STRING},
                           {"node", call.backend.options.node}});
}

Reply SealStatus(const ApiCall&) {
  return Bare(Json::Object{{"type", "none"},
                           {"initialized", true},
                           {"sealed", false},
                           {"t", 0},
                           {"n", 0},
                           {"progress", 0},
                           {"nonce", ""},
                           {"version", PLUGRELOAD_VERSION_STRING},
                           {"recovery_seal", false},
                           {"storage_type", "plugreload"}});
}

}  // namespace

std::vector<Route> SystemRoutes() {
  return {{.pattern = "sys/health",
           .where = Where::kRootNamespace,
           .fields = {},
           .read = Health,
           .head = Health,
           .unauthenticated = true,
           .summary = "Whether this node answers; clients ask it first."},
          {.pattern = "sys/seal-status",
           .where = Where::kRootNamespace,
           .fields = {},
           .read = SealStatus,
           .unauthenticated = true,
           .summary = "Never sealed; clients ask it first."},
          OpenApiRoute()};
}

}  // namespace plugreload::internal
