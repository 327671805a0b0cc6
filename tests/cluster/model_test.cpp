// Random operations and faults on whole hosts and a real etcd of three members. A seed that fails
// says which it is and what happened; the moments differ from run to run, the choices do not.
#include "cluster/model.hpp"

#include <cstdlib>
#include <string>
#include <vector>

namespace plugreload::test {
namespace {

// "1-200", or "7": tests/run soak asks for many. Those named here have found something once.
std::vector<std::uint32_t> Seeds() {
  const char* given = std::getenv("PLUGRELOAD_TEST_SEEDS");
  if (given == nullptr) return {1, 2, 3};
  const std::string text = given;
  const auto dash = text.find('-');
  const auto first = static_cast<std::uint32_t>(std::stoul(text));
  const auto last = dash == std::string::npos
                        ? first
                        : static_cast<std::uint32_t>(std::stoul(text.substr(dash + 1)));
  std::vector<std::uint32_t> seeds;
  for (std::uint32_t seed = first; seed <= last; ++seed) seeds.push_back(seed);
  return seeds;
}

TEST_CASE("whatever happens to hosts and etcd, nothing acknowledged is lost or done twice",
          "[cluster][slow][model]") {
  const ClusterLeaks leaks;
  // Leaders are found quickly, so that there is time for more trouble.
  EtcdCluster etcd({3, {"--heartbeat-interval", "30", "--election-timeout", "300"}, "", "", ""});
  ModelRun all;
  std::size_t failed = 0;
  const auto seeds = Seeds();
  for (const std::uint32_t seed : seeds) {
    const ModelRun run = Model(etcd, seed).Run();
    all.calls += run.calls;
    all.acknowledged += run.acknowledged;
    all.reloads += run.reloads;
    all.faults += run.faults;
    all.kills += run.kills;
    all.looks += run.looks;
    if (run.wrong.empty()) continue;
    ++failed;
    std::string text = "seed " + std::to_string(seed) + ":";
    for (const std::string& wrong : run.wrong) text += "\n  " + wrong;
    text += "\nits history:";
    for (const std::string& line : run.history) text += "\n  " + line;
    UNSCOPED_INFO(text);
    CHECK(run.wrong.empty());
  }
  WARN(seeds.size() << " seeds, " << failed << " failed: " << all.calls << " calls, "
                    << all.acknowledged << " acknowledged, " << all.reloads
                    << " reloads in the store, " << all.faults << " faults, " << all.kills
                    << " kill -9, " << all.looks << " looks at what serves after a reload");
  // The trouble is there, and most calls get through it.
  CHECK(all.kills > 0);
  CHECK(all.looks > 0);
  CHECK(all.acknowledged > all.calls / 4);
}

}  // namespace
}  // namespace plugreload::test
