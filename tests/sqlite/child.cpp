// Another process with the store open, to be killed, limited, or robbed of its rights.
//
//   child commit FILE KEY [BYTES]     commits KEY = 1, 2, ... one by one; "1", "2", ... when
//   acknowledged child keep FILE KEY               keeps KEY; "kept"; for ever child lock FILE
//   holds the write lock; "locked"; for ever child open FILE                   "ok", or the reason
//   child open_plainly FILE           the same without root's right to pass over modes; then
//   commits child limited FILE BYTES          commits until no file may grow further; see Exhaust
//   child full DIRECTORY              the same on a file system of its own that is full
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "plugreload/sqlite.hpp"

namespace {

using namespace plugreload;

void Say(const std::string& line) {
  const std::string text = line + "\n";
  if (write(STDOUT_FILENO, text.data(), text.size()) < 0) _exit(3);
}

Deadline Soon() { return After(Millis(30'000)); }

Result<std::shared_ptr<StateStore>> Open(const std::string& path) {
  SqliteOptions options;
  options.path = path;
  return NewSqliteStore(options);
}

Result<Revision> Put(StateStore& store, const std::string& key, const std::string& value) {
  const Change change{key, value, std::nullopt};
  return store.Commit({&change, 1}, Soon());
}

int Commit(StateStore& store, const std::string& key, std::size_t bytes) {
  for (long i = 1;; ++i) {
    const std::string number = std::to_string(i);
    if (!Put(store, key, number + " " + std::string(bytes, 'x')).ok()) return 1;
    Say(number);
  }
}

// Writes ever new documents until one is refused, then says the reason and how many more are there
// than were acknowledged. Then room is made by removing one, and a small one must fit again.
int Exhaust(StateStore& store) {
  std::size_t acknowledged = 0;
  Status refused;
  while (refused.ok() && acknowledged < 100'000) {
    refused = Put(store, "k" + std::to_string(acknowledged), std::string(20'000, 'x')).status();
    if (refused.ok()) ++acknowledged;
  }
  Say(std::string(CodeName(refused.code())) + " " + std::string(refused.reason()));
  const auto snapshot = store.Load("", Soon());
  if (!snapshot.ok()) {
    Say(snapshot.status().ToString());
    return 1;
  }
  Say("extra " + std::to_string(snapshot->documents.size() - acknowledged));
  Say("revision " + std::to_string(snapshot->revision - static_cast<Revision>(acknowledged)));
  return 0;
}

int Limited(const std::string& path, rlim_t bytes) {
  auto store = Open(path);
  if (!store.ok()) return 1;
  signal(SIGXFSZ, SIG_IGN);  // or growing a file beyond the limit kills
  const rlimit limit{bytes, bytes};
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
  return Exhaust(**store);
}

// A mount of the whole name space cannot be made private where the root is no mount point: in a
// chroot. There the directory becomes a mount of its own first.
bool MakePrivate(const std::string& directory) {
  const char* path = directory.c_str();
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) return true;
  return errno == EINVAL && mount(path, path, nullptr, MS_BIND, nullptr) == 0 &&
         mount("none", path, nullptr, MS_PRIVATE, nullptr) == 0;
}

int Full(const std::string& directory) {
  const int flags = CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER);
  if (unshare(flags) != 0 || !MakePrivate(directory) ||
      mount("none", directory.c_str(), "tmpfs", 0, "size=3m,mode=0700") != 0) {
    Say("no file system of its own: " + std::string(strerror(errno)));
    return 1;
  }
  int status = 1;
  if (auto store = Open(directory + "/store.db"); store.ok()) {
    status = Exhaust(**store);
  } else {
    Say(store.status().ToString());
  }
  // The tmpfs, and what lies below it if that was made.
  while (umount2(directory.c_str(), 0) == 0) {
  }
  return status;
}

int Lock(const std::string& path) {
  sqlite3* handle = nullptr;
  if (sqlite3_open(path.c_str(), &handle) != SQLITE_OK ||
      sqlite3_exec(handle, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) != SQLITE_OK) {
    return 1;
  }
  Say("locked");
  pause();
  return 0;
}

int OpenPlainly(const std::string& path) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  if (syscall(SYS_capset, &header, none) != 0) return 1;
  auto store = Open(path);
  if (!store.ok()) {
    Say(std::string(store.status().reason()));
    return 0;
  }
  const auto put = Put(**store, "k", "x");
  Say(put.ok() ? "ok" : std::string(put.status().reason()));
  return 0;
}

int Run(const std::vector<std::string>& arguments) {
  const std::string& what = arguments.at(1);
  if (what == "limited") return Limited(arguments.at(2), std::stoul(arguments.at(3)));
  if (what == "full") return Full(arguments.at(2));
  if (what == "lock") return Lock(arguments.at(2));
  if (what == "open_plainly") return OpenPlainly(arguments.at(2));
  auto store = Open(arguments.at(2));
  if (!store.ok()) {
    Say(std::string(store.status().reason()));
    return 1;
  }
  if (what == "commit") {
    return Commit(**store, arguments.at(3), arguments.size() > 4 ? std::stoul(arguments.at(4)) : 0);
  }
  if (what == "keep") {
    const auto keeper = (*store)->Keep(arguments.at(3), "x", Millis(1'000), Soon());
    if (!keeper.ok()) return 1;
    Say("kept");
    pause();
    return 0;
  }
  Say("ok");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return Run(std::vector<std::string>(argv, argv + argc));
}
