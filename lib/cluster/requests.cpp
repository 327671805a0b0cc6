// The part of Cluster that takes reloads of several members and tells about them.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <utility>

#include "base/ids.hpp"
#include "base/unix_time.hpp"
#include "cluster/cluster.hpp"
#include "state/keys.hpp"

namespace plugreload::internal {
namespace {

constexpr Millis kLookTimeout{2'000};
// A result that arrives wakes; that a member has gone is only seen by looking.
constexpr Millis kLook{100};

bool Terminal(NodeState state) { return state >= NodeState::kDone; }

ReloadState StateOf(const std::vector<MemberReport>& members) {
  const auto count = [&](NodeState state) {
    return static_cast<std::size_t>(
        std::count_if(members.begin(), members.end(),
                      [&](const MemberReport& member) { return member.state == state; }));
  };
  if (count(NodeState::kPending) + count(NodeState::kRunning) > 0) return ReloadState::kRunning;
  if (count(NodeState::kFailed) > 0) return ReloadState::kFailed;
  return count(NodeState::kCancelled) > 0 ? ReloadState::kCancelled : ReloadState::kDone;
}

Status Closing() { return Status(Code::kFailedPrecondition, "closed", "the runtime is closing"); }

}  // namespace

// Another member may have committed it just now: the store knows before this image does.
Result<bool> Cluster::Knows(std::string_view reload_id) const {
  if (Find(reload_id)) return true;
  if (engine_->HasLocal(reload_id)) return false;
  const Deadline deadline = After(kLookTimeout);
  const std::string key = RequestKey(reload_id);
  const auto found = store_->Load(key, deadline);
  if (!found.ok()) {
    return found.status().WithContext(
        fmt::format("the reload \"{}\" is not known here; asking the store for it", reload_id));
  }
  if (std::none_of(found->documents.begin(), found->documents.end(),
                   [&](const Document& document) { return document.key == key; })) {
    return false;
  }
  const MutexLock lock(mutex_);
  while (!entries_.contains(reload_id)) {
    if (stopping_) return Closing();
    if (changed_.WaitUntil(mutex_, deadline)) continue;
    return Status(Code::kUnavailable, "store_behind",
                  fmt::format("the reload \"{}\" is in the store, but what the store tells of its "
                              "changes has not arrived here; ask again",
                              reload_id));
  }
  return true;
}

bool Cluster::HasSiblings() const {
  // Out of reach, the store cannot bring the request to them either.
  const auto present = Present(After(kLookTimeout));
  return present.ok() &&
         std::any_of(present->begin(), present->end(), [&](const MemberReport& member) {
           return member.node == node_ && member.member != member_;
         });
}

std::optional<ReloadRequest> Cluster::RequestOf(std::string_view reload_id) const {
  const auto global = Find(reload_id);
  return global ? std::optional(global->request) : std::nullopt;
}

Result<std::string> Cluster::Submit(const ReloadRequest& request) {
  if (request.max_unavailable == 0) {
    return Status(Code::kInvalidArgument, "invalid_max_unavailable", "max_unavailable is 0");
  }
  const Deadline deadline = After(kDefaultMutationTimeout);
  auto present = Present(deadline);
  if (!present.ok()) return present.status().WithContext("a reload: reading the members");
  GlobalRequest global;
  global.request = request;
  if (request.reload_id.empty()) global.request.reload_id = NewUuid();
  if (request.scope == Scope::kLocal) global.node = node_;
  global.requested_at_ms = UnixMillis();
  global.expected = *std::move(present);
  std::erase_if(global.expected, [&](const MemberReport& member) {
    return !global.node.empty() && member.node != global.node;
  });
  const std::string id = global.request.reload_id;
  const auto edit = [&]() -> Result<std::vector<Change>> {
    if (Find(id) || engine_->HasLocal(id)) {
      return Status(Code::kAlreadyExists, "reload_id_in_use",
                    fmt::format("a reload with the id \"{}\" exists already", id));
    }
    std::vector<Change> changes;
    if (const auto& pin = request.pin) {
      const auto now = catalog_->FindPin(pin->type, pin->name);
      global.pin_before = PluginRef{pin->type, pin->name, now ? now->version : std::string()};
      auto pinned = catalog_->PinChanges(*pin);
      if (!pinned.ok()) return pinned.status();
      changes = *std::move(pinned);
    }
    changes.push_back({RequestKey(id), EncodeRequest(global), Revision{0}, false});
    return changes;
  };
  // Who asks for a reload mostly waits for it, too.
  results_->Hang();
  std::vector<std::string> needs;
  if (request.pin) needs.push_back(PluginPrefix(request.pin->type, request.pin->name));
  if (Status status = applier_->Commit(edit, deadline, needs); !status.ok()) {
    return status.WithContext("a reload of several members");
  }
  return id;
}

Status Cluster::Cancel(std::string_view reload_id) {
  const auto edit = [&]() -> Result<std::vector<Change>> {
    auto global = Find(reload_id);
    if (!global) {
      return Status(Code::kNotFound, "reload_not_found",
                    fmt::format("no global reload \"{}\" is in the store", reload_id));
    }
    if (global->cancelled) return std::vector<Change>{};
    global->cancelled = true;
    return std::vector<Change>{
        {RequestKey(reload_id), EncodeRequest(*global), global->revision, false}};
  };
  std::optional<ReloadReport> report;
  (void)Tell(reload_id, report);
  if (report && report->state >= ReloadState::kDone) {
    return Status(Code::kFailedPrecondition, "already_finished",
                  fmt::format("the reload \"{}\" has ended", reload_id));
  }
  return applier_->Commit(edit, After(kDefaultMutationTimeout));
}

bool Cluster::Members(const GlobalRequest& global, std::vector<MemberReport>& members) const {
  members = global.expected;
  const Deadline deadline = After(kLookTimeout);
  const auto results = store_->Load(ResultsOf(global.request.reload_id), deadline);
  const auto present = Present(deadline);
  if (!results.ok() || !present.ok()) return false;
  std::set<std::string> alive;
  for (const MemberReport& member : *present) alive.insert(member.member);
  std::map<std::string, MemberReport> by_member;
  std::map<std::string, MemberReport> restarted;  // by node
  std::set<std::string> asked;                    // nodes
  for (const MemberReport& member : members) asked.insert(member.node);
  for (const Document& document : results->documents) {
    const auto result = DecodeMember(document.value);
    if (!result) continue;
    if (result->by_start) {
      restarted[result->node] = *result;
    } else {
      by_member[result->member] = *result;
    }
  }
  for (MemberReport& member : members) {
    if (const auto own = by_member.find(member.member); own != by_member.end()) {
      member = own->second;
      by_member.erase(own);
    }
  }
  // Joined between the look at the members and the commit.
  for (auto& [name, result] : by_member) members.push_back(std::move(result));
  std::set<std::string> represented;  // nodes, by somebody who lives
  for (const MemberReport& member : members) {
    if (alive.contains(member.member)) represented.insert(member.node);
  }
  std::vector<MemberReport> told;
  for (MemberReport& member : members) {
    if (Terminal(member.state) || alive.contains(member.member)) {
      told.push_back(std::move(member));
    } else if (const auto next = restarted.find(member.node); next != restarted.end()) {
      // It has gone in the middle: what runs on its node since then started with the request done.
      told.push_back(next->second);
    } else if (global.node.empty() && asked.contains(member.node) &&
               !represented.contains(member.node)) {
      member.state = global.cancelled ? NodeState::kCancelled : NodeState::kPending;
      told.push_back(std::move(member));
    }
    // Else it has gone, and its successor, or a sibling, has the request too: nothing of it is
    // there to reload. It may have been dead before, and the store had yet to notice.
  }
  members = std::move(told);
  for (MemberReport& member : members) member.self = member.member == member_;
  return true;
}

Status Cluster::Describe(std::string_view reload_id, std::optional<ReloadReport>& report) const {
  if (!report) {
    const Result<bool> known = Knows(reload_id);
    if (!known.ok()) return known.status();
  }
  (void)Tell(reload_id, report);
  return {};
}

bool Cluster::Tell(std::string_view reload_id, std::optional<ReloadReport>& report) const {
  const auto global = Find(reload_id);
  if (!global) return true;
  if (!report) {
    report.emplace();
    report->reload_id = global->request.reload_id;
    report->state = ReloadState::kQueued;
  }
  report->requested_at_ms = global->requested_at_ms;
  report->revision = global->created;
  report->pin_before = global->pin_before;
  if (!Members(*global, report->members)) {
    report->state = ReloadState::kRunning;
    return false;
  }
  report->state = StateOf(report->members);
  report->finished_at_ms = 0;
  if (report->state < ReloadState::kDone) return true;
  for (const MemberReport& member : report->members) {
    report->finished_at_ms = std::max(report->finished_at_ms, member.finished_at_ms);
  }
  return true;
}

Status Cluster::Wait(std::string_view reload_id, Deadline deadline, ReloadCoordinator::Until until,
                     std::optional<ReloadReport>& seen) {
  const auto global = Find(reload_id);
  if (until == ReloadCoordinator::Until::kAnswer && global && global->node.empty()) {
    const MutexLock lock(mutex_);
    for (;;) {
      const auto found = entries_.find(reload_id);
      if (found == entries_.end() || found->second.answered) return {};
      if (stopping_) return Closing();
      if (!changed_.WaitUntil(mutex_, deadline)) return {};
    }
  }
  Deadline unreachable = After(ttl_);
  std::optional<Bell::Ear> results;
  if (std::chrono::steady_clock::now() < deadline) results.emplace(*results_, ResultsOf(reload_id));
  for (;;) {
    if (results) results->Mark();
    const auto now = std::chrono::steady_clock::now();
    seen.reset();
    // Without the store nobody can tell when the others are done.
    if (Tell(reload_id, seen)) unreachable = After(ttl_);
    if (!seen || seen->state >= ReloadState::kDone) return {};
    if (until == ReloadCoordinator::Until::kAnswer && now >= unreachable) return {};
    if (now >= deadline || !results) return {};
    if (results->Await(std::min(deadline, After(kLook))) == Bell::Woken::kClosed) {
      return Closing();
    }
  }
}

}  // namespace plugreload::internal
