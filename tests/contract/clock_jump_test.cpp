// The system's clock is set while reloads are under way.
#include "base/unix_time.hpp"
#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

constexpr std::int64_t kDay = 24 * 3'600'000;

struct Shifted {
  explicit Shifted(std::int64_t millis) { internal::ShiftUnixClock(millis); }
  ~Shifted() { internal::ShiftUnixClock(0); }
};

Node::Tweak Named(const std::string& name) {
  return [name](RuntimeOptions& options) { options.node = name; };
}

void ReloadOver(std::int64_t jump) {
  const auto store = NewMemoryStore();
  Node a(Named("a"), store), b(Named("b"), store);
  TwoVersions(a);
  a.Mount("", "kv/");
  REQUIRE(Eventually([&] { return b.reloads().Acquire("", "kv/", kSoon).ok(); }));
  b.plugins.Hold("@kv/");
  ReloadRequest request = Everywhere("kv");
  request.scope = Scope::kGlobal;
  request.pin = PluginRef{PluginType::kSecret, "kv", "v2.0.0"};
  const std::string id = a.Submit(request);
  REQUIRE(b.plugins.WaitFor("start", "", 2));
  const Shifted clock(jump);
  // Whoever ends a reload tidies up. Of this one the other node still owes its part.
  ReloadRequest other = Everywhere("other");
  other.scope = Scope::kGlobal;
  CHECK(a.Reload(other).reload_id != "");
  CHECK(a.reloads().Wait(id, After(Millis(0)))->state == ReloadState::kRunning);
  b.plugins.HealAll();
  CHECK(a.Wait(id).state == ReloadState::kDone);
  CHECK(b.Wait(id).state == ReloadState::kDone);
  CHECK(a.VersionAt("", "kv/") == "v2.0.0");
  CHECK(b.VersionAt("", "kv/") == "v2.0.0");
  // Restarts and back-off do not ask what day it is.
  const std::uint64_t serial = b.SerialAt("", "kv/");
  REQUIRE(b.plugins.Kill(serial));
  CHECK(Eventually([&] { return b.SerialAt("", "kv/") != serial; }));
}

TEST_CASE("a clock that jumps ahead in the middle of a global reload loses nothing of it",
          "[cluster]") {
  ReloadOver(30 * kDay);
}

TEST_CASE("a clock that is set back in the middle of a global reload loses nothing of it",
          "[cluster]") {
  ReloadOver(-30 * kDay);
}

}  // namespace
}  // namespace plugreload::test
