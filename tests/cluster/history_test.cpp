// That the checks of a history see what they are there for.
#include "cluster/history.hpp"

#include <string>
#include <vector>

#include "cluster/documents.hpp"
#include "cluster/fixture.hpp"
#include "state/documents.hpp"
#include "state/keys.hpp"

namespace plugreload::test {
namespace {

// Calls one after the other, each with what came of it.
class Calls {
 public:
  Calls& Add(const std::string& command, const std::string& code, const std::string& reason = "-") {
    Call call = Made(command, code, reason);
    call.began = ++moment_;
    call.ended = ++moment_;
    calls_.push_back(call);
    return *this;
  }
  // Together with the one before.
  Calls& Also(const std::string& command, const std::string& code,
              const std::string& reason = "-") {
    Call call = Made(command, code, reason);
    call.began = calls_.back().began;
    call.ended = ++moment_;
    calls_.push_back(call);
    return *this;
  }
  std::size_t WrongAt(const std::string& view) const {
    std::vector<std::string> wrong;
    CheckChanges(calls_, ReadView(view), wrong);
    CheckPins(calls_, ReadView(view), wrong);
    return wrong.size();
  }
  std::size_t WrongIn(const Log& log) const {
    std::vector<std::string> wrong;
    CheckRequests(calls_, log, wrong);
    return wrong.size();
  }

 private:
  static Call Made(const std::string& command, const std::string& code, const std::string& reason) {
    Call call;
    std::istringstream words(command);
    for (std::string word; words >> word;) call.words.push_back(word);
    call.answer.lost = code == "lost";
    call.answer.code = code;
    call.answer.reason = reason;
    return call;
  }
  std::vector<Call> calls_;
  long moment_ = 0;
};

const std::string kThere = "mount - m1/ kv serving v1.0.0;",
                  kMoved = "mount - m1x2/ kv serving v1;";

TEST_CASE("a history in which a change is lost, made unasked or made twice is seen", "[model]") {
  const auto mounted = [] { return Calls().Add("mount - m1/ kv", "OK"); };
  CHECK(mounted().WrongAt(kThere) == 0);
  CHECK(mounted().WrongAt("") == 1);
  CHECK(mounted().WrongAt(kMoved) == 1);
  CHECK(Calls().WrongAt(kThere) == 1);
  CHECK(Calls().Add("mount - m1/ kv", "DEADLINE_EXCEEDED").WrongAt(kThere) == 1);
  CHECK(mounted().Add("unmount - m1/", "OK").WrongAt("") == 0);
  CHECK(mounted().Add("unmount - m1/", "OK").WrongAt(kThere) == 1);
  CHECK(mounted().Add("move - m1/ - m1x2/", "OK").WrongAt(kMoved) == 0);
  CHECK(mounted().Add("move - m1/ - m1x2/", "OK").WrongAt(kThere) == 1);
  // Both of two at once cannot have been the first.
  CHECK(mounted().Also("mount - m1/ kv", "OK").WrongAt(kThere) == 1);
  CHECK(mounted().Also("mount - m1/ kv", "ALREADY_EXISTS").WrongAt(kThere) == 0);
  // Whoever does not know either may be right.
  for (const char* fate : {"lost", "UNKNOWN"}) {
    CHECK(Calls().Add("mount - m1/ kv", fate).WrongAt(kThere) == 0);
    CHECK(Calls().Add("mount - m1/ kv", fate).WrongAt("") == 0);
  }
}

TEST_CASE("a history in which something is said not to be there that is is seen", "[model]") {
  const auto mounted = [] { return Calls().Add("mount - m1/ kv", "OK"); };
  CHECK(mounted().Add("unmount - m1/", "NOT_FOUND").WrongAt(kThere) == 1);
  CHECK(mounted().Also("unmount - m1/", "NOT_FOUND").WrongAt(kThere) == 0);
  const std::string team = "ns team/;";
  const auto created = [] { return Calls().Add("create team/", "OK"); };
  CHECK(created().Add("mount team/ m1/ kv", "NOT_FOUND", "namespace_not_found").WrongAt(team) == 1);
  CHECK(created().Add("remove team/", "NOT_FOUND", "namespace_not_found").WrongAt(team) == 1);
  const auto registered = [] { return Calls().Add("register kv v1.0.0", "OK"); };
  CHECK(registered()
            .Add("pin kv v1.0.0", "NOT_FOUND", "plugin_not_found")
            .WrongAt("version kv v1.0.0;") == 1);
}

TEST_CASE("a pin that an acknowledged one came behind is seen", "[model]") {
  Calls calls;
  calls.Add("pin kv v1.0.0", "OK").Add("pin kv v2.0.0", "OK").Add("pin kv v3.0.0", "lost");
  CHECK(calls.WrongAt("pin kv v1.0.0;") == 1);
  CHECK(calls.WrongAt("pin kv v2.0.0;") == 0);
  CHECK(calls.WrongAt("pin kv v3.0.0;") == 0);
  CHECK(calls.WrongAt("pin kv v4.0.0;") == 1);
}

WatchBatch Pinned(Revision revision, const std::string& version) {
  const std::string pin = internal::EncodePin({PluginType::kSecret, "kv", version});
  return {revision, {{internal::PinKey(PluginType::kSecret, "kv"), pin}}};
}
WatchBatch Requested(Revision revision, const std::string& id) {
  internal::GlobalRequest request;
  request.request.reload_id = id;
  request.request.target = ByPlugin{PluginType::kSecret, "kv"};
  return {revision, {{internal::RequestKey(id), internal::EncodeRequest(request)}}};
}

TEST_CASE("reloads that are lost, doubled, out of order or stale are seen", "[model]") {
  WatchBatch both = Requested(3, "one");
  both.items.push_back(Pinned(3, "v2.0.0").items[0]);
  std::vector<std::string> wrong;
  const Log log =
      ReadLog({Pinned(1, "v1.0.0"), both, Pinned(5, "v3.0.0"), Requested(7, "two")}, wrong);
  CHECK(wrong.empty());
  (void)ReadLog({Pinned(2, "v1.0.0"), Pinned(2, "v1.0.0")}, wrong);
  CHECK(wrong.size() == 1);

  CHECK(Calls().Add("reload kv global all v2.0.0 one", "OK").WrongIn(log) == 0);
  CHECK(Calls().Add("reload kv global all v1.0.0 one", "OK").WrongIn(log) == 1);
  CHECK(Calls().Add("reload kv global all - three", "OK").WrongIn(log) == 1);
  CHECK(Calls().Add("reload kv global all - three", "lost").WrongIn(log) == 0);

  const auto starts = [&](const std::vector<std::vector<std::string>>& lives) {
    std::vector<std::string> found;
    CheckStarts(lives, log, found);
    return found.size();
  };
  CHECK(starts({{"one"}, {"two"}}) == 0);
  CHECK(starts({{"one"}, {"one", "two"}}) == 1);
  CHECK(starts({{"two", "one"}}) == 1);

  const auto serving = [&](const std::string& version, Revision since) {
    std::vector<std::string> found;
    CheckServing(ReadView("mount - m1/ kv serving " + version + ";"), "kv", since, log, found);
    return found.size();
  };
  CHECK(serving("v2.0.0", 3) == 0);
  CHECK(serving("v3.0.0", 3) == 0);
  CHECK(serving("v1.0.0", 3) == 1);
  CHECK(serving("v2.0.0", 7) == 1);
}

}  // namespace
}  // namespace plugreload::test
