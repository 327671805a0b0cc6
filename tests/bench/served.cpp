#include "served.hpp"

#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "harness.hpp"
#include "state/documents.hpp"
#include "state/keys.hpp"

namespace plugreload::bench {
namespace {

PluginSpec Spec(const char* command) {
  PluginSpec spec;
  spec.ref = {PluginType::kSecret, "kv", "v1.0.0"};
  spec.launcher = command[0] == '\0' ? "object" : "process";
  spec.command = command;
  if (!spec.command.empty()) spec.sha256 = Sha256Of(spec.command);
  spec.sharing = Sharing::kGlobal;
  return spec;
}

// Commits what is waiting, 100 documents at a time.
class Filler {
 public:
  explicit Filler(StateStore& store) : store_(store) {}
  void Add(std::string key, std::string value) {
    waiting_.push_back({std::move(key), std::move(value), std::nullopt, false});
    if (waiting_.size() == kMaxChangesPerCommit) Commit();
  }
  void Commit() {
    if (waiting_.empty()) return;
    const auto done = store_.Commit(waiting_, After(Millis(60'000)));
    if (!done.ok()) GiveUp(done.status());
    waiting_.clear();
  }

 private:
  StateStore& store_;
  std::vector<Change> waiting_;
};

void Fill(StateStore& store, const DataSet& data, const PluginSpec& spec) {
  Filler filler(store);
  filler.Add(internal::PluginKey(spec.ref), internal::EncodePlugin(spec));
  for (const std::string& ns : data.namespaces) {
    NamespaceInfo info;
    info.path = ns;
    info.id = "id-" + ns;
    filler.Add(internal::NamespaceKey(ns), internal::EncodeNamespace(info));
    filler.Add(internal::NamespaceGuardKey(ns), std::string(internal::kGuardText));
  }
  for (std::size_t i = 0; i < data.mounts.size(); ++i) {
    MountEntry entry;
    entry.ns = data.mounts[i].ns;
    entry.path = data.mounts[i].path;
    entry.plugin = "kv";
    entry.version = "v1.0.0";
    entry.accessor = "kv_" + std::to_string(10'000'000 + i);
    filler.Add(internal::MountKey(entry.ns, entry.path), internal::EncodeMount(entry));
  }
  filler.Commit();
}

}  // namespace

Used UsedSoFar() {
  Used used;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(who, &usage);
    for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
      used.micros += static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
    }
    used.switches += static_cast<double>(usage.ru_nvcsw);
  }
  return used;
}

ScratchDirectory::ScratchDirectory() {
  const bool memory = access("/dev/shm", W_OK) == 0;
  path_ = (memory ? "/dev/shm" : std::filesystem::temp_directory_path().string()) + "/plr-XXXXXX";
  if (mkdtemp(path_.data()) == nullptr) GiveUp(Status(Code::kInternal, "mkdtemp", path_));
}
ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Sha256Of(const std::string& file) {
  char text[65] = "";
  std::FILE* pipe = popen(("sha256sum '" + file + "'").c_str(), "r");
  const bool read = pipe != nullptr && std::fscanf(pipe, "%64s", text) == 1;
  if (pipe != nullptr) pclose(pipe);
  if (!read) GiveUp(Status(Code::kInternal, "sha256sum", "sha256sum of " + file));
  return text;
}

void GiveUp(const Status& status) {
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}

Served::Served(const DataSet& data, const char* command, std::shared_ptr<Host> host)
    : mounts_(data.mounts.size()) {
  RuntimeOptions options;
  options.host = std::move(host);
  options.allow_unhashed = true;
  options.store = NewMemoryStore();
  Fill(*options.store, data, Spec(command));
  CallbackLauncherOptions object;
  object.start = [](const LaunchSpec&, const StartContext&) {
    return Result<std::shared_ptr<void>>(std::make_shared<std::uint64_t>(1));
  };
  options.launchers["object"] = NewCallbackLauncher(std::move(object));
  const double before = HeapBytes(), start = WallNow();
  auto made = Runtime::Create(std::move(options));
  if (!made.ok()) GiveUp(made.status());
  runtime_ = *std::move(made);
  if (Status ready = runtime_->WaitReady(After(Millis(600'000))); !ready.ok()) GiveUp(ready);
  start_ns_ = WallNow() - start;
  bytes_ = HeapBytes() - before;
}

Served::~Served() = default;

ReloadReport Served::Reload() {
  ReloadRequest request;
  request.target = ByPlugin{PluginType::kSecret, "kv"};
  request.reach = Reach::kSubtree;
  auto report = runtime_->reloads().Reload(request);
  if (!report.ok()) GiveUp(report.status());
  if (report->failed != 0 || report->reloaded == 0) {
    for (const MountReport& mount : report->mounts) {
      if (!mount.status.ok()) GiveUp(mount.status);
    }
    GiveUp(Status(Code::kInternal, "nothing_reloaded", "the reload covered no mount"));
  }
  return *std::move(report);
}

void Served::ReloadMount(const MountPath& mount) {
  ReloadRequest request;
  request.target = ByMounts{{mount.path}};
  request.ns = mount.ns;
  const auto report = runtime_->reloads().Reload(request);
  if (!report.ok()) GiveUp(report.status());
  if (report->reloaded != 1) GiveUp(report->mounts.front().status);
}

}  // namespace plugreload::bench
