#include "support/leaks.hpp"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include "support/catch.hpp"

namespace plugreload::test {
namespace {

namespace fs = std::filesystem;

std::string Slurp(const fs::path& path) {
  const std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  // Not through iterators, which throw when a process ends between open and read.
  text << in.rdbuf();
  return text.str();
}

std::optional<int> Number(const fs::path& name) {
  const std::string text = name.string();
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos) return {};
  return std::stoi(text);
}

// Calls visit(number, path) for every numbered entry; entries may vanish meanwhile.
template <typename Visit>
void ForEachNumbered(const fs::path& folder, Visit visit) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (const auto number = Number(it->path().filename())) visit(*number, it->path());
  }
}

// "name" and the parent from /proc/PID/stat; the name may hold spaces and brackets.
struct Stat {
  std::string name;
  char state = '?';
  int parent = 0;
};
std::optional<Stat> ReadStat(const fs::path& process) {
  const std::string text = Slurp(process / "stat");
  const auto open = text.find('('), close = text.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close + 4 >= text.size())
    return {};
  Stat stat;
  stat.name = text.substr(open + 1, close - open - 1);
  stat.state = text[close + 2];
  stat.parent = std::atoi(text.c_str() + close + 4);
  return stat;
}

bool Carries(const fs::path& process, const std::string& marker) {
  const std::string environment = Slurp(process / "environ");
  std::size_t at = environment.find(marker);
  while (at != std::string::npos) {
    const std::size_t end = at + marker.size();
    const bool begins = at == 0 || environment[at - 1] == '\0';
    if (begins && (end == environment.size() || environment[end] == '\0')) return true;
    at = environment.find(marker, at + 1);
  }
  return false;
}

template <typename Map>
std::string NewIn(const char* what, const Map& before, const Map& now) {
  std::string text;
  for (const auto& [number, detail] : now) {
    const auto old = before.find(number);
    if (old != before.end() && old->second == detail) continue;
    text += std::string(what) + " " + std::to_string(number) + ": " + detail + "\n";
  }
  return text;
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::atomic<int> next_check{0};

}  // namespace

LeakCheck::LeakCheck(Millis patience)
    : patience_(patience), exceptions_(std::uncaught_exceptions()) {
  // The path of a unix socket has 108 bytes at most, so a long TMPDIR is not taken.
  const std::string tmpdir = Environment("TMPDIR");
  root_ = (tmpdir.empty() || tmpdir.size() > 32 ? "/tmp" : tmpdir) + "/plr.XXXXXX";
  if (::mkdtemp(root_.data()) == nullptr) throw std::runtime_error("cannot make " + root_);
  run_directory_ = root_ + "/run";
  scratch_ = root_ + "/scratch";
  fs::create_directory(run_directory_);
  fs::create_directory(scratch_);
  fs::permissions(run_directory_, fs::perms::owner_all);
  marker_ = "PLUGRELOAD_TEST_MARKER=" + Environment("PLUGRELOAD_TEST_RUN") +
            std::to_string(::getpid()) + "-" + std::to_string(next_check.fetch_add(1)) + "-" +
            root_.substr(root_.rfind('.') + 1);
#if defined(__SANITIZE_THREAD__)
  // ThreadSanitizer's own thread starts with the first thread of the program, and stays.
  std::thread([] {}).join();
#endif
  before_ = Look();
}

LeakCheck::~LeakCheck() {
  const std::string leaks = Leaks();
  for (const int pid : MarkedProcesses()) ::kill(pid, SIGKILL);
  // A test that failed already has said why; what it left behind is a consequence.
  if (std::uncaught_exceptions() == exceptions_) {
    INFO("left behind by the test:\n" << leaks);
    CHECK(leaks.empty());
  }
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

LeakCheck::View LeakCheck::Look() const {
  View view;
  std::error_code error;
  ForEachNumbered("/proc/self/fd", [&](int fd, const fs::path& path) {
    std::error_code gone;
    const std::string target = fs::read_symlink(path, gone).string();
    // The descriptor of this very listing is /proc/<pid>/fd.
    if (!gone && target != "/proc/" + std::to_string(::getpid()) + "/fd") {
      view.descriptors[fd] = target;
    }
  });
  ForEachNumbered("/proc/self/task", [&](int tid, const fs::path& path) {
    std::string name = Slurp(path / "comm");
    while (!name.empty() && name.back() == '\n') name.pop_back();
    if (!name.empty()) view.threads[tid] = name;
  });
  ForEachNumbered("/proc", [&](int pid, const fs::path& path) {
    if (pid == ::getpid()) return;
    const auto stat = ReadStat(path);
    if (!stat) return;
    if (stat->parent == ::getpid()) {
      view.processes[pid] = stat->name + (stat->state == 'Z' ? " (zombie)" : " (child)");
    } else if (Carries(path, marker_)) {
      view.processes[pid] = stat->name + " (carries the marker)";
    }
  });
  for (fs::recursive_directory_iterator it(run_directory_, error), end; !error && it != end;
       it.increment(error)) {
    view.files.insert(it->path().string());
  }
  return view;
}

std::string LeakCheck::Compare(const View& now) const {
  std::string text = NewIn("descriptor", before_.descriptors, now.descriptors) +
                     NewIn("process", before_.processes, now.processes);
  for (const auto& [tid, name] : now.threads) {  // a thread may rename itself
    if (!before_.threads.contains(tid)) {
      text += "thread " + std::to_string(tid) + ": " + name + "\n";
    }
  }
  for (const std::string& file : now.files) text += "file " + file + "\n";
  return text;
}

std::string LeakCheck::Leaks() const {
  const Deadline deadline = After(patience_);
  for (;;) {
    std::string text = Compare(Look());
    if (text.empty() || std::chrono::steady_clock::now() >= deadline) return text;
    // lint: allow-sleep /proc tells nobody when something ends; the deadline above ends it.
    ::poll(nullptr, 0, 5);
  }
}

std::set<int> LeakCheck::MarkedProcesses() const {
  std::set<int> marked;
  ForEachNumbered("/proc", [&](int pid, const fs::path& path) {
    if (pid != ::getpid() && Carries(path, marker_)) marked.insert(pid);
  });
  return marked;
}

}  // namespace plugreload::test
