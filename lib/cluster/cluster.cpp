#include "cluster/cluster.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <system_error>
#include <utility>

#include "base/ids.hpp"
#include "base/thread.hpp"
#include "base/unix_time.hpp"

namespace plugreload::internal {
namespace {

constexpr Millis kStoreTimeout{5'000};
constexpr Millis kPoll{50};
// How long nothing may be heard before the store is looked at.
constexpr Millis kLook{500};
// A reload that is done by then is only told of when it is: that it runs is a commit more.
constexpr Millis kQuick{20};

constexpr std::size_t kMostMounts = 50, kMostPrevious = 8;

// The mounts of a report as others are told of them.
void Shorten(const ReloadReport& report, MemberReport& result) {
  for (const bool failed : {true, false}) {
    for (const MountReport& mount : report.mounts) {
      if ((mount.outcome == MountOutcome::kFailed) != failed) continue;
      const std::string error = mount.status.ok() ? std::string() : mount.status.ToString();
      if (failed && result.error.empty()) {
        result.error = fmt::format("{}{}: {}", mount.mount.ns, mount.mount.path, error);
      }
      if (result.mounts.size() < kMostMounts) {
        result.mounts.push_back({mount.mount.ns, mount.mount.path, mount.outcome,
                                 mount.previous_version, mount.running_version, error});
      }
      if (mount.outcome != MountOutcome::kReloaded || mount.previous_generation == 0) continue;
      const PluginRef ref{mount.mount.type, mount.mount.plugin, mount.previous_version};
      auto& previous = result.previous;
      if (previous.size() < kMostPrevious &&
          std::find(previous.begin(), previous.end(), ref) == previous.end()) {
        previous.push_back(ref);
      }
    }
  }
}

}  // namespace

Cluster::Cluster(const RuntimeOptions& options, Engine* engine, Catalog* catalog)
    : store_(options.store),
      node_(options.node),
      member_(NewUuid()),
      ttl_(options.member_ttl),
      history_(options.global_history),
      history_ttl_(options.global_history_ttl),
      engine_(engine),
      catalog_(catalog) {}

Status Cluster::Start(Applier* applier) {
  applier_ = applier;
  results_.emplace(store_, kResultPrefix, applier);
  permits_.emplace(store_, kPermitPrefix, applier);
  (void)Join(After(kStoreTimeout));
  try {
    thread_ = StartThread("pr-cluster", [this] { Run(); });
  } catch (const std::system_error& error) {
    return Status(Code::kResourceExhausted, "no_thread",
                  fmt::format("no thread for global reloads: {}", error.what()));
  }
  return {};
}

void Cluster::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  for (auto* bell : {&results_, &permits_}) {
    if (*bell) (*bell)->Close();
  }
  if (thread_.joinable()) thread_.join();
  keeper_.reset();
}

Status Cluster::Join(Deadline deadline) {
  if (keeper_ != nullptr && keeper_->revision() != 0) return {};
  keeper_.reset();
  MemberReport self;
  self.node = node_;
  self.member = member_;
  auto kept = store_->Keep(MemberKey(member_), EncodeMember(self), ttl_, deadline);
  if (!kept.ok()) return kept.status();
  keeper_ = *std::move(kept);
  return {};
}

void Cluster::Take(const std::string& text, Revision revision, bool by_start) {
  auto global = DecodeRequest(text);
  if (!global) return;
  const std::string id = global->request.reload_id;
  global->revision = revision;
  if (global->created == 0) global->created = revision;
  const auto found = entries_.find(id);
  if (found != entries_.end()) {
    global->created = found->second.global.created;
    found->second.global = *std::move(global);
  } else {
    Entry& entry = entries_[id];
    entry.global = *std::move(global);
    entry.taken = std::chrono::steady_clock::now();
    entry.by_start = by_start;
    queue_.push_back(id);
  }
}

void Cluster::Drop(std::string_view key) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) {
    return RequestKey(entry.first) == key;
  });
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  if (entry.answered || entry.by_start) {
    entries_.erase(found);
  } else {
    entry.trimmed = true;
  }
}

void Cluster::Reset(const Snapshot& snapshot) {
  const MutexLock lock(mutex_);
  std::vector<std::pair<Revision, const Document*>> requests;  // by when they were made
  std::set<std::string> keys;
  for (const Document& document : snapshot.documents) {
    if (!document.key.starts_with(kRequestPrefix)) continue;
    const auto global = DecodeRequest(document.value);
    if (!global) continue;
    requests.emplace_back(global->created == 0 ? document.revision : global->created, &document);
    keys.insert(document.key);
  }
  std::vector<std::string> gone;
  for (const auto& [id, entry] : entries_) {
    if (!keys.contains(RequestKey(id))) gone.push_back(RequestKey(id));
  }
  for (const std::string& key : gone) Drop(key);
  std::sort(requests.begin(), requests.end());
  for (const auto& [created, document] : requests) {
    Take(document->value, document->revision, !loaded_);
  }
  loaded_ = true;
  ++news_;
  changed_.NotifyAll();
}

void Cluster::Apply(const WatchBatch& batch) {
  const MutexLock lock(mutex_);
  for (const auto& item : batch.items) {
    if (!item.key.starts_with(kRequestPrefix)) continue;
    if (item.value) {
      Take(*item.value, batch.revision, false);
    } else {
      Drop(item.key);
    }
    ++news_;
  }
  changed_.NotifyAll();
}

void Cluster::LocalAnswered() {
  const MutexLock lock(mutex_);
  ++news_;
  changed_.NotifyAll();
}

std::optional<GlobalRequest> Cluster::Find(std::string_view reload_id) const {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(reload_id);
  if (found == entries_.end() || found->second.trimmed) return std::nullopt;
  return found->second.global;
}

bool Cluster::Trimmed(const std::string& id) const {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(id);
  return found != entries_.end() && found->second.trimmed;
}

bool Cluster::Pause(Millis shortest) {
  const auto spread = RandomNumber() % static_cast<std::uint32_t>(shortest.count());
  const Deadline until = After(shortest + Millis(spread));
  const MutexLock lock(mutex_);
  while (!stopping_ && changed_.WaitUntil(mutex_, until)) {
  }
  return !stopping_;
}

std::uint64_t Cluster::News() const {
  const MutexLock lock(mutex_);
  return news_;
}

bool Cluster::AwaitNews(std::uint64_t heard, Deadline until) const {
  const MutexLock lock(mutex_);
  while (!stopping_ && news_ == heard && changed_.WaitUntil(mutex_, until)) {
  }
  return !stopping_;
}

void Cluster::Run() {
  for (;;) {
    std::string id;
    {
      const MutexLock lock(mutex_);
      const Deadline look = After(ttl_ / 3);
      while (!stopping_ && queue_.empty() && changed_.WaitUntil(mutex_, look)) {
      }
      if (stopping_) return;
      if (!queue_.empty()) {
        id = std::move(queue_.front());
        queue_.pop_front();
      }
    }
    const bool here = Join(After(kStoreTimeout)).ok();
    if (!id.empty()) Execute(id);
    if (here) Publish();
  }
}

void Cluster::Execute(const std::string& id) {
  Entry entry;
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end()) return;
    entry = found->second;
  }
  const GlobalRequest& global = entry.global;
  if (!global.node.empty() && global.node != node_) {
    // Of another node's runtimes alone.
  } else if (entry.by_start) {
    AcknowledgeByStart(global);
  } else {
    MemberReport result;
    result.node = node_;
    result.member = member_;
    Reload(global, result);
    Trim();
  }
  const MutexLock lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  found->second.answered = true;
  if (found->second.trimmed) entries_.erase(found);
  changed_.NotifyAll();
}

void Cluster::AcknowledgeByStart(const GlobalRequest& global) {
  const auto here = [&](const MemberReport& member) { return member.node == node_; };
  if (std::none_of(global.expected.begin(), global.expected.end(), here)) return;
  MemberReport result;
  result.node = node_;
  result.member = member_;
  result.state = NodeState::kDone;
  result.by_start = true;
  result.finished_at_ms = UnixMillis();
  Record(global.request.reload_id, result);
}

void Cluster::Reload(const GlobalRequest& global, MemberReport& result) {
  const std::string& id = global.request.reload_id;
  const auto end = [&](NodeState state) {
    result.state = state;
    result.finished_at_ms = UnixMillis();
    Record(id, result);
  };
  Keeper permit;
  const bool rolling = global.request.strategy == Strategy::kRolling;
  if (rolling) permit = AwaitPermit(id, global, result);
  // Of one that the store has dropped nobody else knows any more, but its pin is to run.
  const bool late = Trimmed(id) && !global.cancelled;
  if (!late && (rolling ? permit == nullptr : !MayRoll(id, result))) {
    if (result.state == NodeState::kCancelled) end(NodeState::kCancelled);
    return;
  }
  result.state = NodeState::kRunning;
  const auto submitted = engine_->SubmitLocal(global.request);
  if (!submitted.ok()) {
    result.error = submitted.status().ToString();
    return end(NodeState::kFailed);
  }
  // Until the new generations serve; bounded by the deadlines of the phases.
  std::optional<ReloadReport> report;
  const Deadline quick = After(kQuick);
  for (bool cancelled = false, told = false;;) {
    const std::uint64_t heard = News();
    report = engine_->FindLocal(id);
    if (!report || report->state >= ReloadState::kDraining) break;
    const auto now = Find(id);
    if (now && now->cancelled && !std::exchange(cancelled, true)) (void)engine_->CancelLocal(id);
    if (!told && std::chrono::steady_clock::now() >= quick) {
      told = true;
      Record(id, result);
    } else if (!AwaitNews(heard, told ? After(kLook) : quick)) {
      return;
    }
  }
  if (!report) {
    result.error = "its report has been dropped from the history";
    return end(NodeState::kFailed);
  }
  result.reloaded = report->reloaded;
  result.failed = report->failed;
  result.skipped = report->skipped;
  Shorten(*report, result);
  if (report->state == ReloadState::kCancelled) return end(NodeState::kCancelled);
  end(report->failed > 0 ? NodeState::kFailed : NodeState::kDone);
}

bool Cluster::MayRoll(const std::string& id, MemberReport& result) {
  const auto now = Find(id);
  if (!now) return false;
  if (now->cancelled) {
    result.state = NodeState::kCancelled;
    result.error = "the reload was cancelled";
    return false;
  }
  if (now->request.strategy == Strategy::kAll) return true;
  const auto results = store_->Load(ResultsOf(id), After(kStoreTimeout));
  if (!results.ok()) return true;  // no permit will be had either
  for (const Document& document : results->documents) {
    const auto other = DecodeMember(document.value);
    if (!other || other->state != NodeState::kFailed) continue;
    result.state = NodeState::kCancelled;
    result.error = fmt::format("not begun: the roll stopped when node {} failed", other->node);
    return false;
  }
  return true;
}

Cluster::Keeper Cluster::AwaitPermit(const std::string& id, const GlobalRequest& global,
                                     MemberReport& result) {
  Bell::Ear permits(*permits_, PermitsOf(id));
  for (;;) {
    permits.Mark();
    if (!MayRoll(id, result)) return nullptr;
    for (std::uint32_t i = 0; i < global.request.max_unavailable; ++i) {
      auto kept = store_->Keep(PermitKey(id, i), member_, ttl_, After(kStoreTimeout));
      if (!kept.ok()) {
        if (kept.status().code() == Code::kAlreadyExists) continue;
        break;
      }
      // Somebody may have failed between the look and the permit.
      if (!MayRoll(id, result)) return nullptr;
      return *std::move(kept);
    }
    const Millis look = std::max(2 * kPoll, Millis(5 * global.expected.size()));
    if (permits.Await(After(look)) == Bell::Woken::kClosed) return nullptr;
    // So that many who wait do not ask the store at once.
    if (!Pause(Millis(1 + global.expected.size() / 2))) return nullptr;
  }
}

void Cluster::Record(const std::string& id, const MemberReport& result) {
  do {
    const auto global = Find(id);
    if (!global) return;  // trimmed: nobody asks any more
    if (!Join(After(kStoreTimeout)).ok()) continue;
    const Change changes[] = {{ResultKey(id, member_), EncodeMember(result), std::nullopt, false},
                              {MemberKey(member_), std::nullopt, keeper_->revision(), true},
                              {RequestKey(id), std::nullopt, global->revision, true}};
    // Written whole and by nobody else: once more does no harm.
    if (store_->Commit(changes, After(kStoreTimeout)).ok()) return;
  } while (Pause(kPoll));
}

}  // namespace plugreload::internal
