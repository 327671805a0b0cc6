#include <cstdint>

#include "reload/instance.hpp"
#include "reload/supervisor.hpp"
#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

TEST_CASE("the restart delay doubles up to the maximum, shortened by at most half", "[reload]") {
  const RestartPolicy policy{Millis(100), Millis(1000), 8, Millis(60'000)};
  const std::int64_t full[] = {100, 200, 400, 800, 1000, 1000};
  for (std::uint32_t failures = 1; failures <= 6; ++failures) {
    CHECK(RestartDelay(policy, failures, 0).count() == full[failures - 1]);
    for (std::uint32_t random : {1U, 17U, 4'000'000'000U}) {
      const auto delay = RestartDelay(policy, failures, random).count();
      CHECK(delay <= full[failures - 1]);
      CHECK(delay >= full[failures - 1] / 2);
    }
  }
  CHECK(RestartDelay(policy, UINT32_MAX, 0) == Millis(1000));
  CHECK(RestartDelay({Millis(0), Millis(0), 1, Millis(0)}, 3, 7) == Millis(0));
}

TEST_CASE("mounts share a process only within the circle of its sharing", "[reload]") {
  PluginSpec spec;
  spec.ref = {PluginType::kSecret, "kv", "v1.0.0"};
  MountEntry a, b, other;
  a.ns = b.ns = "team/";
  other.ns = "other/";
  a.accessor = "kv_a";
  b.accessor = "kv_b";
  other.accessor = "kv_c";
  spec.sharing = Sharing::kMount;
  CHECK(ProcessKey(spec, a) != ProcessKey(spec, b));
  spec.sharing = Sharing::kNamespace;
  CHECK(ProcessKey(spec, a) == ProcessKey(spec, b));
  CHECK(ProcessKey(spec, a) != ProcessKey(spec, other));
  spec.sharing = Sharing::kGlobal;
  CHECK(ProcessKey(spec, a) == ProcessKey(spec, other));

  PluginSpec changed = spec;
  changed.env = {"A=1"};
  CHECK(ProcessKey(spec, a) != ProcessKey(changed, a));
  // Parts must not run into each other.
  PluginSpec left = spec, right = spec;
  left.args = {"ab", "c"};
  right.args = {"a", "bc"};
  CHECK(ProcessKey(left, a) != ProcessKey(right, a));
}

}  // namespace
}  // namespace plugreload::internal
