#include "os/procfs.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <memory>
#include <utility>
#include <vector>

#include "os/fd.hpp"

namespace plugreload::internal {
namespace {

constexpr std::size_t kMaxFile = std::size_t{4} << 20;

// Field 22 of stat. The name in field 2 may hold anything, so it counts from its last ')'.
std::optional<std::uint64_t> StartTime(pid_t pid) {
  const std::string stat = ReadFile(fmt::format("/proc/{}/stat", pid));
  std::size_t at = stat.rfind(')');
  for (int field = 2; field < 22 && at != std::string::npos; ++field) at = stat.find(' ', at + 1);
  if (at == std::string::npos) return std::nullopt;
  std::uint64_t ticks = 0;
  const auto parsed = std::from_chars(stat.data() + at + 1, stat.data() + stat.size(), ticks);
  if (parsed.ec != std::errc()) return std::nullopt;
  return ticks;
}

bool HasEntry(pid_t pid, std::string_view entry) {
  const std::string environment = ReadFile(fmt::format("/proc/{}/environ", pid));
  std::string_view rest = environment;
  while (!rest.empty()) {
    if (rest.substr(0, entry.size()) == entry) return true;
    const std::size_t end = rest.find('\0');
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return false;
}

Fd OpenPid(pid_t pid) { return Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))); }

void KillAndWait(const Fd& pidfd) {
  syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
  pollfd ended{pidfd.get(), POLLIN, 0};
  poll(&ended, 1, 500);
}

std::vector<pid_t> OwnProcesses() {
  std::vector<pid_t> pids;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  if (proc == nullptr) return pids;
  while (const dirent* entry = readdir(proc.get())) {
    pid_t pid = 0;
    const std::string_view name = entry->d_name;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) continue;
    struct stat info {};
    if (fstatat(dirfd(proc.get()), entry->d_name, &info, 0) != 0) continue;
    if (info.st_uid == geteuid() && pid != getpid()) pids.push_back(pid);
  }
  return pids;
}

}  // namespace

std::string ReadFile(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string content;
  if (!fd.valid()) return content;
  std::array<char, 4096> chunk;
  while (content.size() < kMaxFile) {
    const auto got = read(fd.get(), chunk.data(), chunk.size());
    if (got <= 0) break;
    content.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return content;
}

std::string ThisWorld() {
  std::string boot = ReadFile("/proc/sys/kernel/random/boot_id");
  while (!boot.empty() && boot.back() == '\n') boot.pop_back();
  std::array<char, 64> link{};
  const auto size = readlink("/proc/self/ns/pid", link.data(), link.size());
  return boot + "/" + (size > 0 ? std::string(link.data(), static_cast<std::size_t>(size)) : "");
}

std::optional<ProcessIdentity> IdentityOf(pid_t pid, std::string world) {
  const auto start = StartTime(pid);
  if (!start) return std::nullopt;
  return ProcessIdentity{pid, *start, std::move(world)};
}

std::optional<ProcessIdentity> IdentityOf(pid_t pid) { return IdentityOf(pid, ThisWorld()); }

std::string ToText(const ProcessIdentity& identity) {
  return fmt::format("{} {} {}\n", identity.pid, identity.start_time, identity.world);
}

std::optional<ProcessIdentity> ParseIdentity(std::string_view text) {
  ProcessIdentity identity;
  const char* end = text.data() + text.size();
  auto parsed = std::from_chars(text.data(), end, identity.pid);
  if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != ' ') return std::nullopt;
  parsed = std::from_chars(parsed.ptr + 1, end, identity.start_time);
  if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != ' ') return std::nullopt;
  identity.world.assign(parsed.ptr + 1, end);
  if (identity.world.empty() || identity.world.back() != '\n') return std::nullopt;  // cut short
  identity.world.pop_back();
  if (identity.pid <= 1) return std::nullopt;
  return identity;
}

void KillExactly(const ProcessIdentity& identity) {
  // The descriptor first: it pins whatever has the number now, and then it is compared.
  const Fd pidfd = OpenPid(identity.pid);
  if (!pidfd.valid() || IdentityOf(identity.pid) != identity) return;
  KillAndWait(pidfd);
}

int KillByEnvironment(std::string_view entry) {
  int killed = 0;
  for (int round = 0; round < 5; ++round) {
    int found = 0;
    for (const pid_t pid : OwnProcesses()) {
      const Fd pidfd = OpenPid(pid);
      if (!pidfd.valid() || !HasEntry(pid, entry)) continue;
      ++found;
      KillAndWait(pidfd);
    }
    if (found == 0) break;
    killed += found;
  }
  return killed;
}

}  // namespace plugreload::internal
