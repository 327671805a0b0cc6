// cluster/history.hpp - what was asked of a cluster and what came of it, and whether that can be.
#ifndef PLUGRELOAD_TESTS_CLUSTER_HISTORY_HPP_
#define PLUGRELOAD_TESTS_CLUSTER_HISTORY_HPP_

#include <cstddef>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cluster/host_process.hpp"
#include "plugreload/store.hpp"

namespace plugreload::test {

// One call at one host. Moments are numbers of one counter: a call that ended before another began
// has the smaller ones.
struct Call {
  static constexpr long kNever = std::numeric_limits<long>::max();
  std::size_t host = 0;
  std::vector<std::string> words;  // the command
  long began = 0, ended = kNever;
  HostProcess::Answer answer;
};
std::string ToString(const Call& call);

// What one runtime sees, as host.cpp tells it.
struct View {
  struct Mount {
    std::string plugin, mode, running;
  };
  std::set<std::string> versions;           // "kv v1.0.0"
  std::map<std::string, std::string> pins;  // plugin to version
  std::set<std::string> namespaces;
  std::map<std::string, Mount> mounts;  // "ns path"
};
View ReadView(const std::string& text);

// What the store did, in its order.
struct Log {
  struct Pin {
    Revision revision = 0;
    std::string plugin, version;  // no version: removed
  };
  struct Request {
    Revision revision = 0;
    std::string id, plugin;
    std::string pinned;  // "kv v1.0.0", set by the same commit
  };
  std::vector<Pin> pins;
  std::vector<Request> requests;
};
// Of batches below "state/". Adds to `wrong` when a revision comes twice or out of order.
Log ReadLog(const std::vector<WatchBatch>& batches, std::vector<std::string>& wrong);

// Each adds to `wrong` what cannot be. A call may have had its effect at any moment between its
// beginning and its end; one without a clear answer at any later one, or none.

// No change that was acknowledged is lost, none that was refused is made, and what was said not to
// be there was not: mounts, namespaces and versions each have some order of their calls that leads
// to `at_end`.
void CheckChanges(const std::vector<Call>& calls, const View& at_end,
                  std::vector<std::string>& wrong);
// The pins at the end are of a call that no acknowledged one came behind.
void CheckPins(const std::vector<Call>& calls, const View& at_end, std::vector<std::string>& wrong);
// Every reload that was acknowledged is in the log once, with its pin.
void CheckRequests(const std::vector<Call>& calls, const Log& log, std::vector<std::string>& wrong);
// `started` has the reloads that a host began, over all its lives, one list for each: none twice,
// and those of the log in its order.
void CheckStarts(const std::vector<std::vector<std::string>>& lives, const Log& log,
                 std::vector<std::string>& wrong);
// What serves at `view` after a reload of `plugin` that the log has at `revision` was done there:
// a version that was pinned then or later.
void CheckServing(const View& view, const std::string& plugin, Revision revision, const Log& log,
                  std::vector<std::string>& wrong);

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_CLUSTER_HISTORY_HPP_
