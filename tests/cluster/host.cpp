// A node of a cluster in a process of its own, to be killed: a runtime whose plugins are objects of
// this process, told what to do line by line.
//
//   host NODE MEMBER_TTL_MS sqlite FILE
//   host NODE MEMBER_TTL_MS etcd PREFIX URL...
//
// In:  "NUMBER VERB ARGUMENT...", as below. Out: "= NUMBER CODE REASON TEXT" when it is done, in
// any order; "! VERB ..." for what happens by itself. Ends with its input, and says "! closed".
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "plugreload/etcd.hpp"
#include "plugreload/runtime.hpp"
#include "plugreload/sqlite.hpp"

namespace {

using namespace plugreload;
using Words = std::vector<std::string>;

constexpr Millis kOperation{8'000};

// One write, so that lines of several threads do not mix and a kill leaves none half written.
void Say(const std::string& line) {
  const std::string text = line + "\n";
  if (write(STDOUT_FILENO, text.data(), text.size()) < 0) _exit(3);
}

// Where this process kills itself: "permit", "start", "tell", "told", "commit", "stop", "result" or
// "reported".
class Death {
 public:
  void At(const std::string& where) {
    const std::lock_guard lock(mutex_);
    where_ = where;
  }
  bool IsAt(const std::string& where) {
    const std::lock_guard lock(mutex_);
    return where == where_;
  }
  void Here(const std::string& where) {
    if (!IsAt(where)) return;
    kill(getpid(), SIGKILL);
    pause();
  }

 private:
  std::mutex mutex_;
  std::string where_;
};

// Dies before or behind what a reload commits.
class DyingStore : public StateStore {
 public:
  DyingStore(std::shared_ptr<StateStore> store, Death* death)
      : store_(std::move(store)), death_(death) {}

  Result<Revision> Commit(std::span<const Change> changes, Deadline deadline) override {
    std::string before, behind;
    if (!changes.empty() && changes[0].key.starts_with("cluster/results/") && changes[0].value) {
      // Of one that takes its time it is told that it runs, of each what came of it.
      const bool runs = changes[0].value->find(R"("finished_at_ms":0)") != std::string::npos;
      before = runs ? "tell" : "result";
      behind = runs ? "told" : "reported";
    }
    if (!before.empty()) death_->Here(before);
    auto committed = store_->Commit(changes, deadline);
    if (!behind.empty() && committed.ok()) death_->Here(behind);
    return committed;
  }
  Result<Snapshot> Load(std::string_view prefix, Deadline deadline) override {
    return store_->Load(prefix, deadline);
  }
  Result<std::unique_ptr<Watcher>> Watch(std::string_view prefix, Revision after,
                                         WatchCallback callback) override {
    return store_->Watch(prefix, after, std::move(callback));
  }
  Result<std::unique_ptr<Keeper>> Keep(std::string_view key, std::string_view value, Millis ttl,
                                       Deadline deadline) override {
    auto kept = store_->Keep(key, value, ttl, deadline);
    if (kept.ok() && key.starts_with("cluster/permits/")) death_->Here("permit");
    return kept;
  }

 private:
  const std::shared_ptr<StateStore> store_;
  Death* const death_;
};

// Plugins as objects. A version that ends with "-bad" starts nowhere, one that ends with
// "-bad.NODE" not on that node.
class Plugins {
 public:
  Plugins(std::string node, Death* death) : node_(std::move(node)), death_(death) {}

  std::shared_ptr<Launcher> launcher() {
    CallbackLauncherOptions options;
    options.start = [this](const LaunchSpec& spec, const StartContext& context) {
      return Start(spec, context);
    };
    options.stop = [this](const std::shared_ptr<void>&, Deadline) {
      death_->Here("stop");
      return Status();
    };
    return NewCallbackLauncher(std::move(options));
  }

  // The instance of this mount ends by itself.
  bool Crash(void* object) {
    std::function<void(const InstanceExit&)> end;
    {
      const std::lock_guard lock(mutex_);
      for (auto& [weak, on_exit] : live_) {
        if (weak.lock().get() == object) end = std::exchange(on_exit, nullptr);
      }
    }
    if (!end) return false;
    end({.exit_code = {}, .signal = SIGKILL, .detail = "crashed"});
    return true;
  }

 private:
  Result<std::shared_ptr<void>> Start(const LaunchSpec& spec, const StartContext& context) {
    const std::string& version = spec.plugin.ref.version;
    death_->Here("start");
    // Somebody else's mount commits, and this one never gets there.
    if (spec.mount.path == "last/" && death_->IsAt("commit")) pause();
    if (death_->IsAt("tell") || death_->IsAt("told")) pause();
    if (version.ends_with("-bad") || version.ends_with("-bad." + node_)) {
      return Status(Code::kUnavailable, "bad_version", "this version does not start");
    }
    const auto object = std::make_shared<int>(0);
    const std::lock_guard lock(mutex_);
    std::erase_if(live_, [](const auto& entry) { return entry.first.expired(); });
    live_.emplace_back(object, context.on_exit);
    return std::shared_ptr<void>(object);
  }

  const std::string node_;
  Death* const death_;
  std::mutex mutex_;
  std::vector<std::pair<std::weak_ptr<int>, std::function<void(const InstanceExit&)>>> live_;
};

class Teller : public Host {
 public:
  explicit Teller(Death* death) : death_(death) {}
  void OnEvent(const Event& event) noexcept override {
    if (event.kind == EventKind::kReloadStarted) Say("! started " + event.reload_id);
    if (event.kind == EventKind::kReloadDraining) Say("! draining " + event.reload_id);
    if (event.kind == EventKind::kEventsLost) Say("! lost");
    if (event.kind == EventKind::kMountServing) death_->Here("commit");
  }

 private:
  Death* const death_;
};

std::string Plain(const std::string& word) { return word == "-" ? std::string() : word; }

class Server {
 public:
  Server(Runtime* runtime, Plugins* plugins, Death* death)
      : runtime_(runtime), plugins_(plugins), death_(death) {}

  void Take(const std::string& line) {
    std::istringstream in(line);
    Words words;
    for (std::string word; in >> word;) words.push_back(word);
    if (words.size() < 2) return;
    threads_.emplace_back([this, words] {
      std::string text;
      const Status status = Do(words, text);
      const std::string reason(status.reason());
      Say("= " + words[0] + " " + std::string(CodeName(status.code())) + " " +
          (reason.empty() ? "-" : reason) + " " + text);
    });
  }

 private:
  Status Do(const Words& words, std::string& text) {
    const Deadline deadline = After(kOperation);
    const std::string& verb = words[1];
    const auto word = [&](std::size_t i) { return Plain(words.at(i + 1)); };
    if (verb == "register") {
      PluginSpec spec;
      spec.ref = {PluginType::kSecret, word(1), word(2)};
      spec.launcher = "object";
      if (words.size() > 4 && words[4] == "shared") spec.sharing = Sharing::kNamespace;
      return runtime_->registry().Register(std::move(spec), deadline);
    }
    if (verb == "pin") {
      return runtime_->registry().SetPin({PluginType::kSecret, word(1), word(2)}, deadline);
    }
    if (verb == "create") return runtime_->namespaces().Create(word(1), {}, deadline);
    if (verb == "remove") return runtime_->namespaces().Remove(word(1), deadline);
    if (verb == "mount") {
      MountEntry entry;
      entry.ns = word(1);
      entry.path = word(2);
      entry.plugin = word(3);
      return runtime_->reloads().Mount(std::move(entry), deadline).status();
    }
    if (verb == "unmount") return runtime_->reloads().Unmount(word(1), word(2), deadline);
    if (verb == "move") {
      return runtime_->reloads().Move(word(1), word(2), word(3), word(4), deadline);
    }
    if (verb == "reload") return Reload(words, text);
    if (verb == "wait") return Wait(words, text);
    if (verb == "look") return Look(words, text);
    if (verb == "cancel") return runtime_->reloads().Cancel(word(1));
    if (verb == "rollback") return runtime_->reloads().Rollback(word(1), word(2)).status();
    if (verb == "ready") return runtime_->WaitReady(deadline);
    if (verb == "state") return State(text);
    if (verb == "members") {
      const auto running = runtime_->reloads().Running(deadline);
      if (running.ok()) text = std::to_string(running->size());
      return running.status();
    }
    if (verb == "lease") {
      auto lease = runtime_->reloads().Acquire(word(1), word(2), kOperation);
      if (!lease.ok()) return lease.status();
      text = lease->version();
      const std::lock_guard lock(mutex_);
      leases_.push_back(*std::move(lease));
      return {};
    }
    if (verb == "crash") {
      auto lease = runtime_->reloads().Acquire(word(1), word(2), Millis(0));
      if (lease.ok()) plugins_->Crash(lease->instance().object);
      return lease.status();
    }
    if (verb == "die") {
      death_->At(word(1));
      return {};
    }
    return Status(Code::kUnimplemented, "verb", verb);
  }

  // reload PLUGIN local|global all|rolling VERSION|- ID: on every mount of the plugin.
  Status Reload(const Words& words, std::string& text) {
    ReloadRequest request;
    request.target = ByPlugin{PluginType::kSecret, words.at(2)};
    request.reach = Reach::kSubtree;
    request.scope = words.at(3) == "global" ? Scope::kGlobal : Scope::kLocal;
    request.strategy = words.at(4) == "rolling" ? Strategy::kRolling : Strategy::kAll;
    if (words.at(5) != "-") request.pin = PluginRef{PluginType::kSecret, words[2], words[5]};
    request.drain_timeout = Millis(200);
    request.reload_id = words.at(6);
    const auto id = runtime_->reloads().Submit(request);
    if (id.ok()) text = *id;
    return id.status();
  }

  // wait ID MS: "STATE NODE=STATE[@start]..." with the states of the members.
  Status Wait(const Words& words, std::string& text) {
    const auto report =
        runtime_->reloads().Wait(words.at(2), After(Millis(std::stoi(words.at(3)))));
    if (!report.ok()) return report.status();
    text = ReloadStateName(report->state);
    for (const MemberReport& member : report->members) {
      text += " " + member.node + "=" + std::string(NodeStateName(member.state)) +
              (member.by_start ? "@start" : "");
    }
    return {};
  }

  // look ID: "done STATE" when the part of this runtime is done, with its state after that.
  Status Look(const Words& words, std::string& text) {
    const auto report = runtime_->reloads().Find(words.at(2));
    if (!report.ok()) return report.status();
    for (const MemberReport& member : report->members) {
      if (!member.self || member.state != NodeState::kDone) continue;
      text = "done ";
      return State(text);
    }
    return {};
  }

  // Everything this runtime sees: "version NAME VERSION; pin NAME VERSION; ns PATH; mount NS PATH
  // PLUGIN STATE RUNNING; ..." with "-" for what is empty.
  Status State(std::string& text) {
    const auto shown = [](const std::string& word) { return word.empty() ? "-" : word; };
    for (const PluginSpec& spec : runtime_->registry().List(PluginType::kUnknown)) {
      text += "version " + spec.ref.name + " " + spec.ref.version + ";";
    }
    for (const Pin& pin : runtime_->registry().Pins()) {
      text += "pin " + pin.name + " " + pin.version + ";";
    }
    for (const NamespaceInfo& ns : runtime_->namespaces().List("", Depth::kSubtree)) {
      text += "ns " + ns.path + ";";
    }
    for (const MountStatus& mount : runtime_->reloads().State("", Reach::kSubtree)) {
      text += "mount " + shown(mount.mount.ns) + " " + mount.mount.path + " " + mount.mount.plugin +
              " " + std::string(MountStateName(mount.state)) + " " + shown(mount.running_version) +
              ";";
    }
    return {};
  }

  Runtime* const runtime_;
  Plugins* const plugins_;
  Death* const death_;
  std::mutex mutex_;
  std::vector<PluginLease> leases_;
  std::vector<std::jthread> threads_;
};

Result<std::shared_ptr<StateStore>> Open(const Words& arguments) {
  if (arguments.at(3) == "sqlite") {
    SqliteOptions options;
    options.path = arguments.at(4);
    return NewSqliteStore(options);
  }
  EtcdOptions options;
  options.prefix = arguments.at(4);
  options.endpoints.assign(arguments.begin() + 5, arguments.end());
  options.try_timeout = Millis(400);
  return NewEtcdStore(options);
}

int Serve(const Words& arguments) {
  Death death;
  Plugins plugins(arguments.at(1), &death);
  auto store = Open(arguments);
  if (!store.ok()) {
    Say("! failed " + store.status().ToString());
    return 1;
  }
  RuntimeOptions options;
  options.node = arguments.at(1);
  options.member_ttl = Millis(std::stoi(arguments.at(2)));
  options.store = std::make_shared<DyingStore>(*std::move(store), &death);
  options.host = std::make_shared<Teller>(&death);
  options.allow_unhashed = true;
  options.launchers["object"] = options.launchers["process"] = plugins.launcher();
  options.restart.first = Millis(5);
  options.restart.max = Millis(50);
  auto runtime = Runtime::Create(std::move(options));
  if (!runtime.ok()) {
    Say("! failed " + runtime.status().ToString());
    return 1;
  }
  {
    Server server(runtime->get(), &plugins, &death);
    Say("! up");
    for (std::string line; std::getline(std::cin, line);) server.Take(line);
  }
  const Status closed = (*runtime)->Close(After(kOperation));
  runtime->reset();
  Say("! closed " + closed.ToString());
  return closed.ok() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return Serve(Words(argv, argv + argc));
}
