#include "cluster/history.hpp"

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>

#include "cluster/documents.hpp"
#include "state/documents.hpp"
#include "state/keys.hpp"

namespace plugreload::test {
namespace {

const std::string kAbsent = "absent";

// One thing a call did, or may have done, to one object.
struct Step {
  enum class Fate { kMade, kOpen, kElsewhere };  // kElsewhere: seen not to be at `from`
  const Call* call = nullptr;
  Fate fate = Fate::kMade;
  std::string from, to;
  long ended() const { return fate == Fate::kOpen ? Call::kNever : call->ended; }
};

// Is there an order of the steps, none before one that ended when it began, that leads from absent
// to `at_end`?
class Search {
 public:
  Search(const std::vector<Step>& steps, std::string at_end)
      : steps_(steps), at_end_(std::move(at_end)) {}
  bool Found() { return From(0, kAbsent); }
  // It has given up: steps whose fate nobody knows may be anywhere, and were too many.
  bool gave_up() const { return seen_.size() > kMostSeen; }

 private:
  static constexpr std::size_t kMostSeen = 1'000'000;

  bool From(std::size_t done, const std::string& state) {
    if (done == (std::size_t{1} << steps_.size()) - 1) return state == at_end_;
    if (seen_.size() > kMostSeen || !seen_.emplace(done, state).second) return false;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const std::size_t with = done | (std::size_t{1} << i);
      if (with == done || !MayBeNext(done, i)) continue;
      const Step& step = steps_[i];
      if (step.fate == Step::Fate::kElsewhere) {
        if (state != step.from && From(with, state)) return true;
        continue;
      }
      if (state == step.from && From(with, step.to)) return true;
      if (step.fate == Step::Fate::kOpen && From(with, state)) return true;
    }
    return false;
  }
  bool MayBeNext(std::size_t done, std::size_t next) const {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const bool left = (done & (std::size_t{1} << i)) == 0;
      if (left && steps_[i].ended() < steps_[next].call->began) return false;
    }
    return true;
  }

  const std::vector<Step>& steps_;
  const std::string at_end_;
  std::set<std::pair<std::size_t, std::string>> seen_;
};

// May it have had its effect, without anybody knowing?
bool Open(const HostProcess::Answer& answer) { return answer.lost || answer.code == "UNKNOWN"; }

// "m7" of "m7x2/": a mount keeps the beginning of its path when it moves.
std::string ObjectOf(const std::string& path) {
  return "mount " + path.substr(0, path.find_first_of("x/"));
}

class Steps {
 public:
  void Add(const Call& call) {
    const auto& words = call.words;
    const auto& answer = call.answer;
    const std::string& verb = words[0];
    if (verb == "register") Change(call, "version " + words[1] + " " + words[2], kAbsent, "there");
    if (verb == "create") Change(call, "ns " + words[1], kAbsent, "there");
    if (verb == "remove") Change(call, "ns " + words[1], "there", kAbsent);
    if (verb == "mount") Change(call, ObjectOf(words[2]), kAbsent, words[1] + " " + words[2]);
    if (verb == "unmount") Change(call, ObjectOf(words[2]), words[1] + " " + words[2], kAbsent);
    if (verb == "move") {
      Change(call, ObjectOf(words[2]), words[1] + " " + words[2], words[3] + " " + words[4]);
    }
    if (answer.reason == "namespace_not_found" && verb == "mount") {
      See(call, "ns " + words[1], "there");
    }
    if (verb == "pin" && answer.reason == "plugin_not_found") {
      See(call, "version " + words[1] + " " + words[2], "there");
    }
  }
  const std::map<std::string, std::vector<Step>>& objects() const { return objects_; }

 private:
  void Change(const Call& call, const std::string& object, const std::string& from,
              const std::string& to) {
    const auto& answer = call.answer;
    auto& steps = objects_[object];
    if (answer.ok() || answer.reason == "draining") {
      steps.push_back({&call, Step::Fate::kMade, from, to});
    } else if (Open(answer)) {
      steps.push_back({&call, Step::Fate::kOpen, from, to});
    } else if (answer.code == "NOT_FOUND" && answer.reason != "namespace_not_found") {
      See(call, object, from);
    } else if (answer.reason == "namespace_not_found" && call.words[0] == "remove") {
      See(call, object, from);
    }
  }
  void See(const Call& call, const std::string& object, const std::string& not_at) {
    objects_[object].push_back({&call, Step::Fate::kElsewhere, not_at, ""});
  }

  std::map<std::string, std::vector<Step>> objects_;
};

std::map<std::string, std::string> StatesOf(const View& view) {
  std::map<std::string, std::string> states;
  for (const auto& version : view.versions) states["version " + version] = "there";
  for (const auto& ns : view.namespaces) states["ns " + ns] = "there";
  for (const auto& [place, mount] : view.mounts) {
    states[ObjectOf(place.substr(place.find(' ') + 1))] = place;
  }
  return states;
}

}  // namespace

std::string ToString(const Call& call) {
  std::string text = std::to_string(call.began) + "-" +
                     (call.ended == Call::kNever ? "" : std::to_string(call.ended)) + " host " +
                     std::to_string(call.host) + ":";
  for (const std::string& word : call.words) text += " " + word;
  return text + " = " + call.answer.ToString();
}

View ReadView(const std::string& text) {
  View view;
  std::istringstream items(text);
  for (std::string item; std::getline(items, item, ';');) {
    std::istringstream words(item);
    std::string kind, first, second;
    words >> kind >> first >> second;
    if (kind == "version") view.versions.insert(first + " " + second);
    if (kind == "pin") view.pins[first] = second;
    if (kind == "ns") view.namespaces.insert(first);
    if (kind != "mount") continue;
    View::Mount& mount = view.mounts[first + " " + second];
    words >> mount.plugin >> mount.mode >> mount.running;
  }
  return view;
}

Log ReadLog(const std::vector<WatchBatch>& batches, std::vector<std::string>& wrong) {
  Log log;
  std::set<std::string> there;
  Revision last = 0;
  for (const WatchBatch& batch : batches) {
    if (batch.revision <= last) {
      wrong.push_back("the watch brings " + std::to_string(batch.revision) + " behind " +
                      std::to_string(last));
    }
    last = batch.revision;
    std::string pinned;
    for (const auto& item : batch.items) {
      const auto key = internal::ParseStateKey(item.key);
      if (!key || key->kind != internal::KeyKind::kPin) continue;
      const auto pin =
          item.value ? internal::DecodePin(*item.value) : Status(Code::kNotFound, "removed", "");
      log.pins.push_back({batch.revision, key->plugin.name, pin.ok() ? pin->version : ""});
      pinned = log.pins.back().plugin + " " + log.pins.back().version;
    }
    for (const auto& item : batch.items) {
      if (!item.key.starts_with(internal::kRequestPrefix)) continue;
      if (!item.value) {
        there.erase(item.key);
      } else if (there.insert(item.key).second) {
        const auto request = internal::DecodeRequest(*item.value);
        if (!request) continue;
        const auto* target = std::get_if<ByPlugin>(&request->request.target);
        log.requests.push_back({batch.revision, request->request.reload_id,
                                target == nullptr ? "" : target->name, pinned});
      }
    }
  }
  return log;
}

void CheckChanges(const std::vector<Call>& calls, const View& at_end,
                  std::vector<std::string>& wrong) {
  Steps steps;
  for (const Call& call : calls) steps.Add(call);
  auto states = StatesOf(at_end);
  for (const auto& [object, of_object] : steps.objects()) {
    const auto state = states.find(object);
    const std::string end = state == states.end() ? kAbsent : state->second;
    // A step is a bit. The order in time leaves few ways through even so many.
    if (of_object.size() >= 8 * sizeof(std::size_t)) {
      wrong.push_back("more happened to " + object + " than can be checked");
      continue;
    }
    Search search(of_object, end);
    if (!search.Found()) {
      if (search.gave_up()) wrong.push_back("too many orders to try them all; of those tried:");
      std::string text = "nothing explains that " + object + " is " + end + " at the end:";
      for (const Step& step : of_object) text += "\n    " + ToString(*step.call);
      wrong.push_back(text);
    }
  }
  for (const auto& [object, state] : states) {
    if (!steps.objects().contains(object)) wrong.push_back("nobody has made " + object);
  }
}

void CheckPins(const std::vector<Call>& calls, const View& at_end,
               std::vector<std::string>& wrong) {
  struct Write {
    const Call* call;
    std::string version;  // empty: any, a rollback's
  };
  std::map<std::string, std::vector<Write>> writes;
  for (const Call& call : calls) {
    if (!call.answer.ok() && !Open(call.answer)) continue;
    const auto& words = call.words;
    if (words[0] == "pin") writes[words[1]].push_back({&call, words[2]});
    if (words[0] == "reload" && words[4] != "-") writes[words[1]].push_back({&call, words[4]});
    if (words[0] == "rollback") {
      for (const auto& [plugin, version] : at_end.pins) writes[plugin].push_back({&call, ""});
    }
  }
  for (const auto& [plugin, version] : at_end.pins) {
    const auto& all = writes[plugin];
    const auto explains = [&, &pinned = version](const Write& write) {
      if (!write.version.empty() && write.version != pinned) return false;
      const long ended = Open(write.call->answer) ? Call::kNever : write.call->ended;
      return std::none_of(all.begin(), all.end(), [&](const Write& later) {
        return !later.version.empty() && later.call->answer.ok() && later.call->began > ended;
      });
    };
    const bool explained = std::any_of(all.begin(), all.end(), explains);
    if (!explained) wrong.push_back("nothing explains that " + plugin + " is pinned to " + version);
  }
}

void CheckRequests(const std::vector<Call>& calls, const Log& log,
                   std::vector<std::string>& wrong) {
  std::map<std::string, std::vector<const Log::Request*>> by_id;
  for (const auto& request : log.requests) by_id[request.id].push_back(&request);
  for (const auto& [id, requests] : by_id) {
    if (requests.size() > 1) wrong.push_back("the reload " + id + " was requested twice");
  }
  for (const Call& call : calls) {
    if (call.words[0] != "reload" || call.words[2] != "global" || !call.answer.ok()) continue;
    const auto found = by_id.find(call.words[5]);
    if (found == by_id.end()) {
      wrong.push_back("acknowledged and not in the store: " + ToString(call));
    } else if (call.words[4] != "-" &&
               found->second.front()->pinned != call.words[1] + " " + call.words[4]) {
      wrong.push_back("without its pin: " + ToString(call));
    }
  }
}

void CheckStarts(const std::vector<std::vector<std::string>>& lives, const Log& log,
                 std::vector<std::string>& wrong) {
  std::map<std::string, Revision> revisions;
  for (const auto& request : log.requests) revisions[request.id] = request.revision;
  std::set<std::string> before;
  for (const auto& life : lives) {
    Revision last = 0;
    for (const std::string& id : life) {
      if (!before.insert(id).second) wrong.push_back("began twice on one host: " + id);
      const auto found = revisions.find(id);
      if (found == revisions.end()) continue;
      if (found->second < last) wrong.push_back("began behind a later one: " + id);
      last = std::max(last, found->second);
    }
  }
}

void CheckServing(const View& view, const std::string& plugin, Revision revision, const Log& log,
                  std::vector<std::string>& wrong) {
  std::string in_force;
  std::set<std::string> since;
  for (const Log::Pin& pin : log.pins) {
    if (pin.plugin != plugin) continue;
    if (pin.revision <= revision) in_force = pin.version;
    if (pin.revision > revision) since.insert(pin.version);
  }
  since.insert(in_force);
  for (const auto& [place, mount] : view.mounts) {
    if (mount.plugin != plugin || mount.mode != "serving" || since.contains(mount.running))
      continue;
    wrong.push_back("stale: " + place + " runs " + plugin + " " + mount.running + ", pinned to " +
                    in_force + " at " + std::to_string(revision));
  }
}

}  // namespace plugreload::test
