// cluster/model.hpp - random operations and faults on a cluster of hosts, with a seed.
#ifndef PLUGRELOAD_TESTS_CLUSTER_MODEL_HPP_
#define PLUGRELOAD_TESTS_CLUSTER_MODEL_HPP_

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "cluster/etcd_server.hpp"
#include "cluster/fixture.hpp"
#include "cluster/history.hpp"
#include "cluster/host_process.hpp"
#include "cluster/proxy.hpp"

namespace plugreload::test {

struct ModelRun {
  std::vector<std::string> wrong;    // empty: everything held
  std::vector<std::string> history;  // to print when something did not
  std::size_t calls = 0, acknowledged = 0, reloads = 0, faults = 0, kills = 0, looks = 0;
};

// Four hosts of three nodes, each with a network of its own to every member of etcd, in a prefix of
// their own. For a while several calls at once go to random hosts, while hosts are killed, stopped
// and cut off, and members of etcd too. Then everything is mended, one more global reload ends, and
// it is checked that the history can be.
class Model {
 public:
  Model(EtcdCluster& etcd, std::uint32_t seed);
  ~Model();
  ModelRun Run();

 private:
  static constexpr std::size_t kHosts = 4;
  using Clock = std::chrono::steady_clock;
  struct Slot {
    std::string node;
    std::vector<std::unique_ptr<Proxy>> network;
    std::unique_ptr<HostProcess> process;
    std::vector<std::vector<std::string>> lives;  // what each began, in order
    bool stopped = false;
  };
  struct Later {
    Clock::time_point at;
    std::function<void()> action;
  };

  // model.cpp
  void StartHost(std::size_t host);
  void Note(const std::string& text);
  void Begin(std::size_t host, const std::string& command);
  HostProcess::Answer Must(std::size_t host, const std::string& command);
  void RunUntil(Clock::time_point end);
  void Mend();
  void AwaitCalls();
  bool ReloadAll(const std::string& plugin, const std::string& version);
  void AwaitEqual();
  void AwaitReloads(const Log& log);
  void Check(const Log& log);
  void Look(const std::string& id);
  void Wrong(const std::string& text);

  // model_steps.cpp
  std::size_t Random(std::size_t below) { return random_() % below; }
  Millis Between(int least, int most) {
    return Millis(least + static_cast<int>(Random(static_cast<std::size_t>(most - least))));
  }
  std::size_t SomeHost();
  std::string SomePlugin() { return Random(2) == 0 ? "kv" : "db"; }
  std::string SomeVersion(const std::string& plugin);
  std::string SomeNamespace();
  std::string SomePlace();  // "ns path", that a mount has or had
  std::string SomeReload();
  void Operate();
  void OperateReload();
  void Disturb();
  void DisturbHost();
  void DisturbEtcd();
  void In(Millis delay, std::function<void()> action);

  EtcdCluster& etcd_;
  const std::uint32_t seed_;
  const std::string prefix_;
  std::mt19937 random_;
  std::shared_ptr<StateStore> direct_;
  Recorder recorder_;
  std::unique_ptr<StateStore::Watcher> watcher_;
  std::array<Slot, kHosts> slots_;
  std::vector<Later> later_;
  bool etcd_disturbed_ = false;
  int number_ = 0;
  std::map<std::string, std::vector<std::string>> versions_;  // that were asked for, of a plugin
  std::vector<std::string> places_, reloads_;
  std::set<std::string> contested_;  // places that two hosts were asked to mount at

  std::mutex mutex_;
  std::condition_variable changed_;
  long moment_ = 0;
  std::vector<Call> calls_;
  std::vector<std::string> done_;  // reloads that somebody was told are
  std::size_t open_ = 0;
  View at_end_;
  ModelRun run_;
};

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_CLUSTER_MODEL_HPP_
