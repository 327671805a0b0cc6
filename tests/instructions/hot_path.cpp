// hot_path acquire|resolve|spoiled: a thousand times the hot path, in a function of its own whose
// instructions can be counted. "spoiled" does something more each time, which must be noticed.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "namespaces/publisher.hpp"
#include "plugreload/runtime.hpp"

namespace {

using plugreload::Millis;

constexpr int kMounts = 64;
constexpr int kTimes = 1000;

// In a namespace two deep, 60 bytes in all.
const std::string& Path(int i) {
  static const std::vector<std::string> paths = [] {
    std::vector<std::string> made;
    for (int k = 0; k < kMounts; ++k) {
      made.push_back("kv-" + std::to_string(1000 + k) + "/data/app-17/config");
    }
    return made;
  }();
  return paths[static_cast<std::size_t>(i % kMounts)];
}
constexpr std::string_view kNamespace = "team-17/project-03/";

bool Must(const plugreload::Status& status) {
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok();
}

std::unique_ptr<plugreload::Runtime> Serve() {
  plugreload::RuntimeOptions options;
  options.allow_unhashed = true;
  plugreload::CallbackLauncherOptions object;
  object.start = [](const plugreload::LaunchSpec&, const plugreload::StartContext&) {
    return plugreload::Result<std::shared_ptr<void>>(std::make_shared<int>(0));
  };
  options.launchers["process"] = plugreload::NewCallbackLauncher(std::move(object));
  auto made = plugreload::Runtime::Create(std::move(options));
  if (!Must(made.ok() ? plugreload::Status() : made.status())) return nullptr;
  plugreload::PluginSpec spec;
  spec.ref = {plugreload::PluginType::kSecret, "kv", "v1.0.0"};
  spec.command = "/object";
  spec.sharing = plugreload::Sharing::kGlobal;
  if (!Must((*made)->registry().Register(spec)) || !Must((*made)->namespaces().Create("team-17")) ||
      !Must((*made)->namespaces().Create("team-17/project-03"))) {
    return nullptr;
  }
  for (int i = 0; i < kMounts; ++i) {
    plugreload::MountEntry entry;
    entry.ns = kNamespace;
    entry.path = Path(i).substr(0, Path(i).find('/'));
    entry.plugin = "kv";
    const auto mounted =
        (*made)->reloads().Mount(std::move(entry), plugreload::After(Millis(60'000)));
    if (!mounted.ok()) return nullptr;
  }
  return *std::move(made);
}

// What is counted; never inlined, so that the counter can find it.
extern "C" {
__attribute__((noinline)) int measured_acquire(plugreload::ReloadCoordinator& reloads, int more) {
  int held = 0;
  for (int i = 0; i < kTimes; ++i) {
    for (int k = 0; k <= more; ++k) {
      const auto lease = reloads.Acquire(kNamespace, Path(i), Millis(0));
      held += lease.ok() ? 1 : 0;
    }
  }
  return held;
}
__attribute__((noinline)) int measured_resolve(const plugreload::internal::Publisher& publisher) {
  int found = 0;
  for (int i = 0; i < kTimes; ++i) {
    found += publisher.Resolve(kNamespace, Path(i)).node != nullptr ? 1 : 0;
  }
  return found;
}
}

int Acquire(int more) {
  const auto runtime = Serve();
  if (runtime == nullptr) return 1;
  // The thread's record and its counters are made by the first.
  if (!runtime->reloads().Acquire(kNamespace, Path(0), Millis(0)).ok()) return 1;
  return measured_acquire(runtime->reloads(), more) == kTimes * (more + 1) ? 0 : 1;
}

int Resolve() {
  plugreload::internal::SectionDomain domain;
  plugreload::internal::Publisher publisher(&domain);
  publisher.PutNamespace("team-17/");
  publisher.PutNamespace(std::string(kNamespace));
  std::vector<std::unique_ptr<plugreload::internal::MountNode>> nodes;
  for (int i = 0; i < kMounts; ++i) {
    plugreload::MountEntry entry;
    entry.ns = kNamespace;
    entry.path = Path(i).substr(0, Path(i).find('/') + 1);
    nodes.push_back(std::make_unique<plugreload::internal::MountNode>(
        std::make_shared<const plugreload::MountEntry>(std::move(entry)), nullptr,
        publisher.next()));
    publisher.PutMount(*nodes.back());
  }
  publisher.Commit();
  return measured_resolve(publisher) == kTimes ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "acquire") return Acquire(0);
  if (what == "spoiled") return Acquire(1);
  if (what == "resolve") return Resolve();
  std::fputs("hot_path acquire|resolve|spoiled\n", stderr);
  return 2;
}
