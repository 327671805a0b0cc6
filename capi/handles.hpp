// handles.hpp - what stands behind the opaque handles.
#ifndef PLUGRELOAD_CAPI_HANDLES_HPP_
#define PLUGRELOAD_CAPI_HANDLES_HPP_

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "exit_gate.hpp"
#include "plugreload/launcher.hpp"
#include "plugreload/plugreload.h"
#include "plugreload/runtime.hpp"
#include "session.hpp"

namespace plugreload::capi {

// A status in texts that have terminators, which Status does not promise.
struct Why {
  Why() = default;
  explicit Why(const Status& status)
      : code(static_cast<plugreload_code>(status.code())),
        reason(status.reason()),
        message(status.message()) {}

  plugreload_code code = PLUGRELOAD_OK;
  std::string reason;
  std::string message;
};

}  // namespace plugreload::capi

struct plugreload_error : plugreload::capi::Why {
  using Why::Why;
};

struct plugreload_engine {
  std::shared_ptr<plugreload::capi::Session> session;
  std::unique_ptr<plugreload::Runtime> runtime;
  bool refuse_deregister_in_use = false;
};

struct plugreload_namespaces {
  std::vector<plugreload::NamespaceInfo> items;
};

struct plugreload_mounts {
  struct Item {
    plugreload::MountStatus status;
    plugreload::capi::Why error;
  };
  std::vector<Item> items;
};

struct plugreload_report {
  explicit plugreload_report(plugreload::ReloadReport given) : report(std::move(given)) {
    for (const plugreload::MountReport& mount : report.mounts) why.emplace_back(mount.status);
  }

  plugreload::ReloadReport report;
  std::vector<plugreload::capi::Why> why;  // one per mount
};

struct plugreload_plan {
  explicit plugreload_plan(plugreload::ReloadPlan given) : plan(std::move(given)) {
    for (const plugreload::ReloadPlan::Item& item : plan.items) why.emplace_back(item.status);
  }

  plugreload::ReloadPlan plan;
  std::vector<plugreload::capi::Why> why;  // one per item
};

struct plugreload_response {
  plugreload::Response response;
};

struct plugreload_event {
  plugreload::Event event;
};

// A dispatched call, copied so that its texts have terminators.
struct plugreload_access {
  explicit plugreload_access(const plugreload::Call& call)
      : operation(static_cast<std::int32_t>(call.operation)),
        ns(call.ns),
        path(call.path),
        token(call.token),
        remote(call.remote),
        endpoint(call.endpoint),
        unauthenticated(call.unauthenticated),
        plugin_type(static_cast<std::int32_t>(call.plugin_type)),
        plugin(call.plugin),
        mounts(call.mounts.begin(), call.mounts.end()) {}

  std::int32_t operation;
  std::string ns, path, token, remote, endpoint;
  bool unauthenticated;
  std::int32_t plugin_type;
  std::string plugin;
  std::vector<std::string> mounts;
};

// The same for the host's auditor.
struct plugreload_audit {
  explicit plugreload_audit(const plugreload::AuditRecord& record)
      : access(record.call),
        request_id(record.request_id),
        method(record.method),
        caller(record.caller),
        reload_id(record.reload_id),
        allowed(record.allowed),
        status(record.status),
        duration_us(record.duration_us),
        errors(record.errors.begin(), record.errors.end()) {}

  plugreload_access access;
  std::string request_id, method, caller, reload_id;
  bool allowed;
  std::int32_t status;
  std::int64_t duration_us;
  std::vector<std::string> errors;
};

// Lives on the stack of the thread that calls the host's start, inspect or attach.
struct plugreload_launch {
  using Cancel = std::stop_callback<std::function<void()>>;

  const plugreload::LaunchSpec& spec;
  plugreload::Deadline deadline;
  const plugreload::StartContext* context = nullptr;           // null in attach
  std::shared_ptr<plugreload::capi::ExitGate> exit = nullptr;  // null but in start
  plugreload::PluginFacts* facts = nullptr;                    // null but in inspect
  plugreload::InstanceInfo info = {};
  std::string reason = {}, message = {};  // of set_error
  std::unique_ptr<Cancel> cancel = nullptr;
};

namespace plugreload::capi {

inline const LaunchSpec* SpecOf(const plugreload_launch* launch) {
  return launch == nullptr ? nullptr : &launch->spec;
}

}  // namespace plugreload::capi

struct plugreload_exit {
  std::shared_ptr<plugreload::capi::ExitGate> gate;
};

#endif  // PLUGRELOAD_CAPI_HANDLES_HPP_
