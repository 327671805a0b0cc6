#include "cluster/model.hpp"

#include <signal.h>

#include <algorithm>
#include <sstream>
#include <utility>

namespace plugreload::test {
namespace {

constexpr Millis kChaos{2'000};
constexpr std::size_t kMostOpen = 40;
const char* const kNodes[] = {"a", "b", "c", "a"};

}  // namespace

Model::Model(EtcdCluster& etcd, std::uint32_t seed)
    : etcd_(etcd), seed_(seed), prefix_("seed" + std::to_string(seed) + "/"), random_(seed) {
  EtcdOptions options = etcd_.Options();
  options.prefix = prefix_;
  direct_ = OpenStore(options);
  for (std::size_t host = 0; host < kHosts; ++host) {
    slots_[host].node = kNodes[host];
    for (const std::string& url : etcd_.urls()) {
      slots_[host].network.push_back(std::make_unique<Proxy>(url));
    }
  }
}

Model::~Model() {
  for (Slot& slot : slots_) slot.process = nullptr;
}

void Model::Note(const std::string& text) {
  const std::lock_guard lock(mutex_);
  run_.history.push_back(std::to_string(++moment_) + " " + text);
}

void Model::Wrong(const std::string& text) {
  const std::lock_guard lock(mutex_);
  run_.wrong.push_back(text);
}

void Model::StartHost(std::size_t host) {
  Slot& slot = slots_[host];
  Note("host " + std::to_string(host) + " starts");
  std::vector<std::string> arguments{slot.node, "1000", "etcd", prefix_};
  for (const auto& proxy : slot.network) arguments.push_back(proxy->url());
  std::size_t life = 0;
  {
    const std::lock_guard lock(mutex_);
    life = slot.lives.size();
    slot.lives.emplace_back();
  }
  slot.process = std::make_unique<HostProcess>(arguments, [this, host, life](const auto& news) {
    {
      const std::lock_guard lock(mutex_);
      run_.history.push_back(std::to_string(++moment_) + " host " + std::to_string(host) + ": " +
                             news);
      if (news.starts_with("started ")) slots_[host].lives[life].push_back(news.substr(8));
    }
    if (news == "lost") Wrong("a host has lost events: the starts are not complete");
  });
}

void Model::Begin(std::size_t host, const std::string& command) {
  HostProcess* const process = slots_[host].process.get();
  if (process == nullptr) return;
  std::size_t index = 0;
  {
    const std::lock_guard lock(mutex_);
    if (open_ >= kMostOpen) return;
    ++open_;
    index = calls_.size();
    Call& call = calls_.emplace_back();
    call.host = host;
    call.began = ++moment_;
    std::istringstream words(command);
    for (std::string word; words >> word;) call.words.push_back(word);
  }
  process->Send(command, [this, index](const HostProcess::Answer& answer) {
    const std::lock_guard lock(mutex_);
    calls_[index].answer = answer;
    calls_[index].ended = ++moment_;
    --open_;
    const auto& words = calls_[index].words;
    if (words[0] == "wait" && answer.text.starts_with("done")) done_.push_back(words[1]);
    changed_.notify_all();
  });
}

HostProcess::Answer Model::Must(std::size_t host, const std::string& command) {
  Begin(host, command);
  AwaitCalls();
  const std::lock_guard lock(mutex_);
  if (!calls_.back().answer.ok()) run_.wrong.push_back("refused: " + ToString(calls_.back()));
  return calls_.back().answer;
}

void Model::AwaitCalls() {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, Millis(180'000), [&] { return open_ == 0; })) {
    run_.wrong.push_back("calls that do not end");
  }
}

// Calls and faults, and the ends of the faults, when their time has come.
void Model::RunUntil(Clock::time_point end) {
  Clock::time_point call = Clock::now(), fault = call + Between(50, 300);
  while (Clock::now() < end) {
    Clock::time_point next = std::min({call, fault, end});
    for (const Later& later : later_) next = std::min(next, later.at);
    {
      std::unique_lock lock(mutex_);
      changed_.wait_until(lock, next, [&] { return Clock::now() >= next; });
    }
    const auto now = Clock::now();
    std::vector<Later> due;
    const auto first = std::stable_partition(later_.begin(), later_.end(),
                                             [&](const Later& later) { return later.at > now; });
    std::move(first, later_.end(), std::back_inserter(due));
    later_.erase(first, later_.end());
    for (const Later& later : due) later.action();
    if (now >= call) {
      Operate();
      call = now + Between(2, 16);
    }
    if (now >= fault) {
      Disturb();
      fault = now + Between(60, 350);
    }
    std::vector<std::string> done;
    {
      const std::lock_guard lock(mutex_);
      done.swap(done_);
    }
    for (const std::string& id : done) Look(id);
  }
}

void Model::Mend() {
  Note("everything is mended");
  later_.clear();
  for (std::size_t member = 0; member < etcd_.size(); ++member) {
    etcd_.Signal(member, SIGCONT);
    etcd_.Restart(member);
  }
  etcd_disturbed_ = false;
  for (std::size_t host = 0; host < kHosts; ++host) {
    Slot& slot = slots_[host];
    for (auto& proxy : slot.network) proxy->Mend();
    if (slot.stopped) slot.process->Signal(SIGCONT);
    slot.stopped = false;
    if (slot.process == nullptr) StartHost(host);
  }
  etcd_.AwaitReady();
  AwaitCalls();
}

// Every host says what it serves, if its own part of the reload is done.
void Model::Look(const std::string& id) {
  for (std::size_t host = 0; host < kHosts; ++host) Begin(host, "look " + id);
}

bool Model::ReloadAll(const std::string& plugin, const std::string& version) {
  Must(0, "register " + plugin + " " + version + (plugin == "db" ? " shared" : ""));
  // The first one may meet an etcd that is still choosing a leader.
  for (int attempt = 0; attempt < 3; ++attempt) {
    const std::string id = "last-" + plugin + std::to_string(attempt);
    Begin(SomeHost(), "reload " + plugin + " global all " + version + " " + id);
    AwaitCalls();
    Begin(SomeHost(), "wait " + id + " 120000");
    AwaitCalls();
    const std::lock_guard lock(mutex_);
    reloads_.push_back(id);
    const auto& answer = calls_.back().answer;
    if (answer.text.starts_with("done")) return true;
    if (answer.ok()) run_.wrong.push_back("at the end: " + ToString(calls_.back()));
    if (answer.ok()) return false;
  }
  Wrong("no reload of " + plugin + " ends");
  return false;
}

// What each host sees, and what a new one does that loads it from etcd, must become the same, with
// everything served at the version that is pinned.
void Model::AwaitEqual() {
  slots_[kHosts - 1].process->Kill();
  StartHost(kHosts - 1);
  std::string first, text;
  const bool equal = Eventually([&] {
    for (std::size_t host = 0; host < kHosts; ++host) {
      text = slots_[host].process->Call("state").text;
      if (host == 0) first = text;
      if (text != first) return false;
    }
    const View view = ReadView(first);
    return std::all_of(view.mounts.begin(), view.mounts.end(), [&](const auto& entry) {
      const auto& mount = entry.second;
      return mount.mode == "serving" && mount.running == view.pins.at(mount.plugin);
    });
  });
  if (!equal) Wrong("the hosts do not become the same:\n    " + first + "\n    " + text);
  at_end_ = ReadView(first);
}

// All that was asked for has ended.
void Model::AwaitReloads(const Log& log) {
  for (const Log::Request& request : log.requests) {
    const auto answer = slots_[SomeHost()].process->Call("wait " + request.id + " 120000");
    const std::string state = answer.text.substr(0, answer.text.find(' '));
    if (state == "done" || state == "cancelled" || state == "failed") continue;
    Wrong("the reload " + request.id + " does not end: " + answer.ToString());
  }
}

void Model::Check(const Log& log) {
  const std::lock_guard lock(mutex_);
  CheckChanges(calls_, at_end_, run_.wrong);
  CheckPins(calls_, at_end_, run_.wrong);
  CheckRequests(calls_, log, run_.wrong);
  for (const Slot& slot : slots_) CheckStarts(slot.lives, log, run_.wrong);
  for (const Call& call : calls_) {
    ++run_.calls;
    if (call.answer.ok()) ++run_.acknowledged;
    if (call.words[0] != "look" || !call.answer.text.starts_with("done ")) continue;
    const auto request =
        std::find_if(log.requests.begin(), log.requests.end(),
                     [&](const Log::Request& candidate) { return candidate.id == call.words[1]; });
    if (request == log.requests.end()) continue;
    std::vector<std::string> wrong;
    CheckServing(ReadView(call.answer.text.substr(5)), request->plugin, request->revision, log,
                 wrong);
    for (const std::string& text : wrong) {
      run_.wrong.push_back(text + ", after " + request->id + " on host " +
                           std::to_string(call.host));
    }
    if (wrong.empty()) ++run_.looks;
  }
  run_.reloads = log.requests.size();
  for (const Call& call : calls_) run_.history.push_back(ToString(call));
  // By moment.
  std::stable_sort(run_.history.begin(), run_.history.end(),
                   [](const auto& a, const auto& b) { return std::stol(a) < std::stol(b); });
}

ModelRun Model::Run() {
  const auto before = direct_->Load("state/", Soon());
  watcher_ = *direct_->Watch("state/", before.ok() ? before->revision : 0, recorder_.callback());
  for (std::size_t host = 0; host < kHosts; ++host) StartHost(host);
  for (const char* plugin : {"kv", "db"}) {
    const std::string shared = plugin[0] == 'd' ? " shared" : "";
    Must(0, std::string("register ") + plugin + " v1.0.0" + shared);
    Must(0, std::string("pin ") + plugin + " v1.0.0");
    versions_[plugin] = {"v1.0.0"};
    number_ = 1;
    Must(0, std::string("mount - m") + plugin + "/ " + plugin);
    places_.push_back(std::string("- m") + plugin + "/");
  }
  for (const char* ns : {"n0/", "n1/"}) Must(0, std::string("create ") + ns);
  if (run_.wrong.empty()) RunUntil(Clock::now() + kChaos);
  Mend();
  for (const char* plugin : {"kv", "db"}) ReloadAll(plugin, "v1000.0.0");
  AwaitEqual();
  std::vector<std::string> wrong;
  if (!recorder_.end().ok()) wrong.push_back("the watch ended: " + recorder_.end().ToString());
  const auto now = direct_->Load("state/", Soon());
  if (now.ok() && !now->documents.empty()) {
    Revision last = 0;
    for (const Document& document : now->documents) last = std::max(last, document.revision);
    (void)Eventually([&] {
      const auto batches = recorder_.batches();
      return !batches.empty() && batches.back().revision >= last;
    });
  }
  const Log log = ReadLog(recorder_.batches(), wrong);
  for (const std::string& text : wrong) Wrong(text);
  AwaitReloads(log);
  for (Slot& slot : slots_) {
    if (slot.process->Close() != 0) Wrong("host " + slot.node + " does not close well");
  }
  Check(log);
  return std::move(run_);
}

}  // namespace plugreload::test
