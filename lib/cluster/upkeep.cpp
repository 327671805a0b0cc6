// The part of Cluster that keeps what it has in the store small, and tells what runs here.
#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "base/unix_time.hpp"
#include "cluster/cluster.hpp"

namespace plugreload::internal {
namespace {

constexpr Millis kStoreTimeout{5'000};

bool SameSaid(const MemberState& a, const MemberState& b) {
  return a.plugins == b.plugins && a.reload_needed == b.reload_needed && a.stale == b.stale;
}

}  // namespace

// Every member trims, after each reload: whoever is up does it, and twice does no harm. A request
// that a node has not seen by then is not lost to it: that node starts fresh.
void Cluster::Trim() {
  std::vector<std::pair<Revision, std::string>> ids;
  std::set<std::string> expired;
  {
    const MutexLock lock(mutex_);
    const std::int64_t oldest = UnixMillis() - history_ttl_.count();
    const auto now = std::chrono::steady_clock::now();
    for (const auto& [id, entry] : entries_) {
      if (entry.trimmed) continue;
      ids.emplace_back(entry.global.created, id);
      if (entry.global.requested_at_ms >= oldest || !entry.answered) continue;
      // A clock that is set ahead would take a reload from those who wait for it.
      if (entry.by_start || now - entry.taken >= history_ttl_) expired.insert(id);
    }
  }
  std::sort(ids.begin(), ids.end());
  const std::size_t over = ids.size() > history_ ? ids.size() - history_ : 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::string& id = ids[i].second;
    if (i >= over && !expired.contains(id)) continue;
    const auto results = store_->Load(ResultsOf(id), After(kStoreTimeout));
    if (!results.ok()) return;
    // The request goes with the first results, so that none can be added behind.
    std::vector<Change> changes = {{RequestKey(id), std::nullopt, std::nullopt, false}};
    for (const Document& document : results->documents) {
      changes.push_back({document.key, std::nullopt, std::nullopt, false});
      if (changes.size() < kMaxChangesPerCommit) continue;
      (void)store_->Commit(changes, After(kStoreTimeout));
      changes.clear();
    }
    if (!changes.empty()) (void)store_->Commit(changes, After(kStoreTimeout));
  }
}

void Cluster::Publish() {
  const Deadline began = std::chrono::steady_clock::now();
  if (next_sweep_ && began >= *next_sweep_) {
    // Again and again, seldom: a store may count a member as alive for longer than it was asked to.
    next_sweep_ = After(10 * ttl_);
    SweepRunning();
  }
  if (began < next_look_) return;
  MemberState now = engine_->OwnState();
  // Of a million mounts a look takes a second: 2 % of one core at most.
  next_look_ = began + 50 * (std::chrono::steady_clock::now() - began);
  now.member = member_;
  if (told_.told_at_ms != 0 && SameSaid(now, told_)) return;
  // Only a member tells: who has been found silent joins first, and tells then.
  const Change changes[] = {{RunningKey(member_), EncodeRunning(now), std::nullopt, false},
                            {MemberKey(member_), std::nullopt, keeper_->revision(), true}};
  if (!store_->Commit(changes, After(kStoreTimeout)).ok()) return;
  told_ = std::move(now);
  SweepRunning();
  // Who died a moment ago counts as alive until its time to live is over.
  next_sweep_ = After(2 * ttl_);
}

void Cluster::SweepRunning() {
  const auto told = store_->Load(kRunningPrefix, After(kStoreTimeout));
  const auto present = Present(After(kStoreTimeout));
  if (!told.ok() || !present.ok()) return;
  std::set<std::string> alive = {member_};
  for (const MemberReport& member : *present) alive.insert(member.member);
  std::vector<Change> changes;
  for (const Document& document : told->documents) {
    if (alive.contains(document.key.substr(kRunningPrefix.size()))) continue;
    if (changes.size() == kMaxChangesPerCommit) break;
    changes.push_back({document.key, std::nullopt, document.revision, false});
  }
  if (!changes.empty()) (void)store_->Commit(changes, After(kStoreTimeout));
}

Result<std::vector<MemberReport>> Cluster::Present(Deadline deadline) const {
  const auto documents = store_->Load(kMemberPrefix, deadline);
  if (!documents.ok()) return documents.status();
  std::vector<MemberReport> members;
  for (const Document& document : documents->documents) {
    if (auto member = DecodeMember(document.value)) members.push_back(*std::move(member));
  }
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) {
    return std::pair(a.node, a.member) < std::pair(b.node, b.member);
  });
  return members;
}

Result<std::vector<MemberState>> Cluster::Running(Deadline deadline) const {
  const auto told = store_->Load(kRunningPrefix, deadline);
  if (!told.ok()) return told.status().WithContext("what the members run");
  const auto present = Present(deadline);
  if (!present.ok()) return present.status().WithContext("what the members run");
  std::vector<MemberState> states;
  for (const MemberReport& member : *present) {
    MemberState state;
    if (member.member == member_) {
      state = engine_->OwnState();
    } else {
      const std::string key = RunningKey(member.member);
      const auto& documents = told->documents;
      const auto found = std::find_if(documents.begin(), documents.end(),
                                      [&](const Document& d) { return d.key == key; });
      if (found != documents.end()) {
        if (auto read = DecodeRunning(found->value)) state = *std::move(read);
      }
    }
    state.node = member.node;
    state.member = member.member;
    states.push_back(std::move(state));
  }
  return states;
}

}  // namespace plugreload::internal
