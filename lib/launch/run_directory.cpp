#include "launch/run_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>
#include <vector>

#include "base/ids.hpp"
#include "launch/environment.hpp"
#include "os/procfs.hpp"
#include "plugreload/types.hpp"

namespace plugreload::internal {
namespace {

namespace fs = std::filesystem;

// Of 107 usable bytes of a socket path this leaves a plugin 26 for the name of its socket.
constexpr std::size_t kLongestInstance = 80;
constexpr std::size_t kSubdirectory = sizeof("/01234567/1234567890") - 1;
constexpr Millis kLockTimeout{5'000};

Status Refuse(const std::string& path, std::string_view why) {
  return Status(Code::kFailedPrecondition, "run_directory",
                fmt::format("the run directory \"{}\" cannot be used: {}", path, why));
}

Fd OpenDirectory(const std::string& path) {
  return Fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
}

// The umask of the host is not ours to change, so the mode is set behind it.
bool MakePrivate(const std::string& path) {
  return mkdir(path.c_str(), 0700) == 0 && chmod(path.c_str(), 0700) == 0;
}

bool TryLock(const Fd& directory) { return flock(directory.get(), LOCK_EX | LOCK_NB) == 0; }

// Other launchers hold it for the moment it takes to make or to claim a subdirectory.
bool LockSoon(const Fd& directory) {
  for (const Deadline deadline = After(kLockTimeout); !TryLock(directory);) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    // lint: allow-sleep flock knows no deadline, and nothing tells when it would succeed
    poll(nullptr, 0, 2);
  }
  return true;
}

void RemoveTree(const std::string& path, const RunDirectory::Warn& warn) {
  std::error_code error;
  // A dying process may still put something into it.
  for (int attempt = 0; attempt < 5; ++attempt) {
    fs::remove_all(path, error);
    if (!error) return;
  }
  if (warn) warn(fmt::format("cannot remove \"{}\": {}", path, error.message()));
}

struct Dead {
  std::string path;
  Fd lock;
};

bool IsSubdirectoryName(const std::string& name) {
  return name.size() == 8 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// REQUIRES: the run directory is locked, or a launcher might be between making and locking.
std::vector<Dead> ClaimDead(const std::string& path) {
  std::vector<Dead> dead;
  std::error_code error;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    if (!IsSubdirectoryName(it->path().filename().string())) continue;
    Fd directory = OpenDirectory(it->path().string());
    if (directory.valid() && TryLock(directory)) {
      dead.push_back({it->path().string(), std::move(directory)});
    }
  }
  return dead;
}

void Sweep(const Dead& dead, const RunDirectory::Warn& warn) {
  std::error_code error;
  bool had_instances = false;
  for (fs::directory_iterator it(dead.path, error), end; !error && it != end; it.increment(error)) {
    had_instances = true;
    if (it->path().extension() != ".pid") continue;
    const auto identity = ParseIdentity(ReadFile(it->path().string()));
    if (identity) KillExactly(*identity);
  }
  // The plugins died with their host; what they had started did not. The name of the directory is
  // random: whoever has it in the environment is one of them.
  const int killed = had_instances ? KillByEnvironment(kSocketDirectoryEntry + dead.path + "/") : 0;
  RemoveTree(dead.path, warn);
  if (warn) {
    warn(fmt::format("swept \"{}\" of a host that ended without stopping its plugins{}", dead.path,
                     killed > 0 ? fmt::format(", killed {} processes it left", killed) : ""));
  }
}

// Whoever may write into the run directory can put sockets in the place of ours.
std::optional<std::string> Unsafe(const Fd& directory) {
  struct stat info {};
  if (fstat(directory.get(), &info) != 0) return ErrnoText(errno);
  if (info.st_uid != geteuid() && info.st_uid != 0) {
    return fmt::format("it belongs to user {}", info.st_uid);
  }
  const bool sticky = (info.st_mode & S_ISVTX) != 0;
  if ((info.st_mode & 0022) != 0 && !sticky) return "others may write into it; chmod go-w it";
  return std::nullopt;
}

// Scripts run from a copy in the run directory, and Debian mounts /run noexec.
bool LetsRun(const char* directory) {
  struct statvfs info {};
  return statvfs(directory, &info) == 0 && (info.f_flag & ST_NOEXEC) == 0;
}

std::string DefaultPlace() {
  const std::string name = fmt::format("/plugreload-{}", geteuid());
  const bool writable = access("/run", W_OK) == 0 || access(("/run" + name).c_str(), W_OK) == 0;
  if (writable && LetsRun("/run")) return "/run" + name;
  const char* tmpdir = std::getenv("TMPDIR");
  if (tmpdir == nullptr || tmpdir[0] != '/') return "/tmp" + name;
  const std::string below = tmpdir + name;
  return below.size() + kSubdirectory > kLongestInstance ? "/tmp" + name : below;
}

// Made when it is not there, canonical, checked.
Result<std::string> Prepare(const std::string& configured) {
  std::string path = configured.empty() ? DefaultPlace() : configured;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (!MakePrivate(path) && errno != EEXIST) return Refuse(path, ErrnoText(errno));
  std::error_code error;
  const fs::path canonical = fs::canonical(path, error);
  if (error) return Refuse(path, error.message());
  if (canonical.string().size() + kSubdirectory > kLongestInstance) {
    return Refuse(path, fmt::format("its path has {} bytes, at most {} leave room for a socket",
                                    canonical.string().size(), kLongestInstance - kSubdirectory));
  }
  return canonical.string();
}

}  // namespace

void InstanceDirectory::NoteProcess(pid_t pid) const {
  const auto identity = IdentityOf(pid, world_);
  if (!identity) return;
  const std::string text = ToText(*identity);
  const Fd file(
      open((path_ + ".pid").c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.valid()) [[maybe_unused]]
    const auto written = write(file.get(), text.data(), text.size());
}

void InstanceDirectory::Remove(std::string_view endpoint) {
  if (path_.empty()) return;
  const std::string inside = "unix:" + path_ + "/";
  if (endpoint.starts_with(inside) && endpoint.find('/', inside.size()) == std::string_view::npos) {
    unlink(std::string(endpoint.substr(5)).c_str());
  }
  if (rmdir(path_.c_str()) != 0) RemoveTree(path_, nullptr);
  unlink((path_ + ".pid").c_str());
  path_.clear();
}

Result<std::unique_ptr<RunDirectory>> RunDirectory::Create(const std::string& configured,
                                                           const Warn& warn) {
  const Result<std::string> prepared = Prepare(configured);
  if (!prepared.ok()) return prepared.status();
  std::vector<Dead> dead;
  std::unique_ptr<RunDirectory> made;
  {
    const Fd parent = OpenDirectory(*prepared);
    if (!parent.valid()) return Refuse(*prepared, ErrnoText(errno));
    if (const auto why = Unsafe(parent)) return Refuse(*prepared, *why);
    if (!LockSoon(parent)) return Refuse(*prepared, "another process keeps it locked");
    dead = ClaimDead(*prepared);
    const std::string path = *prepared + "/" + RandomHex(8);
    if (!MakePrivate(path)) return Refuse(*prepared, ErrnoText(errno));
    Fd lock = OpenDirectory(path);
    if (!lock.valid() || !TryLock(lock)) {
      rmdir(path.c_str());
      return Refuse(*prepared, "its subdirectory cannot be locked");
    }
    made.reset(new RunDirectory(path, std::move(lock)));
  }
  for (const Dead& one : dead) Sweep(one, warn);
  return made;
}

RunDirectory::~RunDirectory() { RemoveTree(path_, nullptr); }

Result<InstanceDirectory> RunDirectory::NewInstance() {
  std::string path = fmt::format("{}/{}", path_, next_.fetch_add(1));
  if (!MakePrivate(path)) {
    return Status(Code::kResourceExhausted, "spawn_failed",
                  fmt::format("cannot make its directory \"{}\": {}", path, ErrnoText(errno)));
  }
  return InstanceDirectory(std::move(path), world_);
}

}  // namespace plugreload::internal
