// scenario/many_reloads.hpp - thousands of global reloads on one store, which must leave everything
// as it was.
#ifndef PLUGRELOAD_TESTS_SCENARIO_MANY_RELOADS_HPP_
#define PLUGRELOAD_TESTS_SCENARIO_MANY_RELOADS_HPP_

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>

#include "scenario/node.hpp"

namespace plugreload::test {

// tests/run soak asks for more.
inline int Reloads() {
  const char* given = std::getenv("PLUGRELOAD_TEST_RELOADS");
  return given == nullptr ? 30 : std::atoi(given);
}
inline int Namespaces() { return Reloads() >= 1000 ? 500 : 20; }

inline std::size_t Keys(StateStore& store) {
  const auto all = store.Load("", After(kSoon));
  REQUIRE(all.ok());
  return all->documents.size();
}

inline auto Threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

inline std::size_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// `open` gives each of the two members its way to the store, and others to look at it.
inline void ReloadManyTimes(const std::string& kind,
                            const std::function<std::shared_ptr<StateStore>()>& open) {
  const auto small = [](const std::string& name) {
    return [name](RuntimeOptions& options) {
      options.node = name;
      // The usual host and plugins keep all that ever happened.
      options.host = std::make_shared<Host>();
      CallbackLauncherOptions objects;
      objects.start = [](const LaunchSpec&, const StartContext&) {
        return Result<std::shared_ptr<void>>(std::make_shared<int>(0));
      };
      options.launchers["fake"] = NewCallbackLauncher(std::move(objects));
      options.history = options.global_history = 8;
    };
  };
  Node a(small("a"), open()), b(small("b"), open());
  // Closed before them: SQLite keeps the descriptors of what was closed while the process has the
  // file open elsewhere.
  const std::shared_ptr<StateStore> store = open();
  TwoVersions(a, [](PluginSpec& spec) { spec.sharing = Sharing::kGlobal; });
  const int namespaces = Namespaces();
  for (int i = 0; i < namespaces; ++i) {
    a.Create("ns" + std::to_string(i));
    a.Mount("ns" + std::to_string(i), "kv/");
  }
  REQUIRE(Eventually([&] {
    return b.reloads().State("", Reach::kSubtree).size() == static_cast<std::size_t>(namespaces);
  }));
  const auto reload = [&](int number) {
    ReloadRequest request = Everywhere("kv");
    request.scope = Scope::kGlobal;
    request.pin = PluginRef{PluginType::kSecret, "kv", number % 2 == 0 ? "v2.0.0" : "v1.0.0"};
    Node& from = number % 3 == 0 ? b : a;
    const ReloadReport report = from.Wait(from.Submit(request));
    CHECK(report.state == ReloadState::kDone);
    CHECK(report.members.size() == 2);
  };
  // Long enough, of many, that the store's own history of 10,000 commits is full too.
  const int warm = Reloads() >= 1000 ? 2400 : Reloads(), all = warm + Reloads();
  for (int number = 0; number < warm; ++number) reload(number);
  const std::size_t keys = Keys(*open());
  const auto threads = Threads();
  const std::size_t bytes = ResidentBytes();
  for (int number = warm; number < all; ++number) reload(number);
  // The last ones are trimmed by whoever is quickest, after its answer.
  CHECK(Eventually([&] { return Keys(*open()) <= keys; }));
  // The pools of workers grow to their limits when they are first needed.
  CHECK(Threads() <= threads + 8);
  if (Reloads() >= 1000) {
    const std::size_t at_end = ResidentBytes();
    WARN(kind << ": " << Reloads() << " reloads of " << namespaces
              << " mounts on 2 members: " << bytes << " bytes after " << warm << ", " << at_end
              << " at the end, " << keys << " keys");
    CHECK(at_end < bytes + bytes / 10);
  }
}

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_SCENARIO_MANY_RELOADS_HPP_
