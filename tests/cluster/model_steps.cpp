// What a model does at random: calls, and faults that mend by themselves.
#include <signal.h>

#include <algorithm>
#include <utility>

#include "cluster/model.hpp"

namespace plugreload::test {

std::size_t Model::SomeHost() { return Random(kHosts); }

std::string Model::SomeVersion(const std::string& plugin) {
  const auto& all = versions_[plugin];
  return all[Random(all.size())];
}

std::string Model::SomeNamespace() {
  static const char* const kNamespaces[] = {"-", "n0/", "n1/", "t0/", "t1/"};
  return kNamespaces[Random(5)];
}

std::string Model::SomePlace() { return places_[Random(places_.size())]; }

std::string Model::SomeReload() {
  return reloads_.empty() ? "" : reloads_[Random(reloads_.size())];
}

void Model::In(Millis delay, std::function<void()> action) {
  later_.push_back({Clock::now() + delay, std::move(action)});
}

void Model::Operate() {
  const std::size_t host = SomeHost();
  const std::string plugin = SomePlugin();
  const std::size_t dice = Random(100);
  if (dice < 12) {
    const std::string end = Random(6) == 0 ? "-bad.b" : Random(8) == 0 ? "-bad" : "";
    const std::string version = "v" + std::to_string(++number_) + ".0.0" + end;
    Begin(host, "register " + plugin + " " + version + (plugin == "db" ? " shared" : ""));
    versions_[plugin].push_back(version);
  } else if (dice < 24) {
    Begin(host, "pin " + plugin + " " + SomeVersion(plugin));
  } else if (dice < 42) {
    const std::string path = "m" + std::to_string(++number_) + "/";
    const std::string ns = SomeNamespace();
    places_.push_back(ns + " " + path);
    Begin(host, "mount " + places_.back() + " " + plugin);
    // Sometimes at two hosts at once, of which one may win.
    if (Random(5) == 0) {
      contested_.insert(places_.back());
      Begin(SomeHost(), "mount " + places_.back() + " " + plugin);
    }
  } else if (dice < 50) {
    Begin(host, "unmount " + SomePlace());
  } else if (dice < 60) {
    const std::string from = SomePlace();
    // Once it has gone elsewhere the other one may win, too: then there are two.
    if (contested_.contains(from)) return;
    const std::string path = from.substr(from.find(' ') + 1);
    const std::string to = SomeNamespace() + " " + path.substr(0, path.find_first_of("x/")) + "x" +
                           std::to_string(++number_) + "/";
    places_.push_back(to);
    Begin(host, "move " + from + " " + to);
  } else if (dice < 68) {
    Begin(host,
          std::string(Random(2) == 0 ? "create t" : "remove t") + std::to_string(Random(2)) + "/");
  } else if (dice < 72) {
    Begin(host, "crash " + SomePlace());
  } else {
    OperateReload();
  }
}

void Model::OperateReload() {
  const std::size_t host = SomeHost(), dice = Random(10);
  const std::string plugin = SomePlugin(), some = SomeReload();
  if (dice < 2 && !some.empty()) {
    Begin(host, "cancel " + some);
  } else if (dice < 4 && !some.empty()) {
    reloads_.push_back("back-" + std::to_string(++number_));
    Begin(host, "rollback " + some + " " + reloads_.back());
  } else if (dice < 6 && !some.empty()) {
    Begin(host, "wait " + some + " 1500");
  } else {
    const std::string id = "id-" + std::to_string(++number_);
    const std::string pin = Random(2) == 0 ? SomeVersion(plugin) : "-";
    reloads_.push_back(id);
    const bool global = dice < 9;
    Begin(host, "reload " + plugin + (global ? " global " : " local ") +
                    (global && Random(3) == 0 ? "rolling " : "all ") + pin + " " + id);
    if (global && Random(2) == 0) Begin(SomeHost(), "wait " + id + " 2500");
  }
}

void Model::Disturb() {
  ++run_.faults;
  if (Random(3) == 0 && !etcd_disturbed_) {
    DisturbEtcd();
  } else {
    DisturbHost();
  }
}

void Model::DisturbHost() {
  const std::size_t host = SomeHost();
  Slot& slot = slots_[host];
  const std::size_t dice = Random(10);
  if (dice < 4) {
    if (slot.process == nullptr) return;
    ++run_.kills;
    Note("kill -9 of host " + std::to_string(host));
    slot.process->Kill();
    slot.process = nullptr;
    slot.stopped = false;
    In(Between(0, 400), [this, host] { StartHost(host); });
  } else if (dice < 6) {
    if (slot.process == nullptr || slot.stopped) return;
    Note("SIGSTOP of host " + std::to_string(host));
    slot.stopped = true;
    slot.process->Signal(SIGSTOP);
    In(Between(50, 1'600), [this, host] {
      if (!slots_[host].stopped) return;
      Note("SIGCONT of host " + std::to_string(host));
      slots_[host].stopped = false;
      slots_[host].process->Signal(SIGCONT);
    });
  } else {
    const bool lose = Random(2) == 0, all = Random(2) == 0;
    const std::size_t one = Random(slot.network.size());
    Note(std::string(lose ? "answers lost" : "requests held up") + " for host " +
         std::to_string(host) + (all ? "" : " at member " + std::to_string(one)));
    for (std::size_t i = 0; i < slot.network.size(); ++i) {
      if (!all && i != one) continue;
      lose ? slot.network[i]->LoseAnswers() : slot.network[i]->DelayRequests();
    }
    In(Between(20, 600), [this, host] {
      for (auto& proxy : slots_[host].network) proxy->Mend();
      Note("network of host " + std::to_string(host) + " mended");
    });
  }
}

void Model::DisturbEtcd() {
  const std::size_t member = Random(etcd_.size()), dice = Random(10);
  etcd_disturbed_ = true;
  if (dice < 1) {
    // Of what the model itself has seen. etcd counts from one.
    const auto batches = recorder_.batches();
    if (!batches.empty()) {
      Note("compaction at " + std::to_string(batches.back().revision));
      try {
        etcd_.Control("compact " + std::to_string(batches.back().revision + 1));
      } catch (const std::exception&) {  // without a leader, or compacted already
      }
    }
    etcd_disturbed_ = false;
    return;
  }
  if (dice < 4) {
    Note("SIGSTOP of etcd " + std::to_string(member));
    etcd_.Signal(member, SIGSTOP);
    In(Between(100, 900), [this, member] {
      Note("SIGCONT of etcd " + std::to_string(member));
      etcd_.Signal(member, SIGCONT);
      etcd_disturbed_ = false;
    });
    return;
  }
  // Of three, two leave no quorum.
  const std::size_t dead = dice < 9 ? 1 : 2;
  for (std::size_t i = 0; i < dead; ++i) {
    const std::size_t victim = (member + i) % etcd_.size();
    ++run_.kills;
    Note("kill -9 of etcd " + std::to_string(victim));
    etcd_.Kill(victim);
    In(Between(100, 700), [this, victim] {
      Note("etcd " + std::to_string(victim) + " starts");
      etcd_.Restart(victim);
      etcd_disturbed_ = false;
    });
  }
}

}  // namespace plugreload::test
