// os/procfs.hpp - other processes, as /proc shows them.
#ifndef PLUGRELOAD_OS_PROCFS_HPP_
#define PLUGRELOAD_OS_PROCFS_HPP_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace plugreload::internal {

// What is in a small file; empty when it cannot be read. Never throws for what it finds there.
std::string ReadFile(const std::string& path);

// A process as nobody can mistake it for another: numbers are reused, and start again at each boot
// and in each container.
struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t start_time = 0;  // clock ticks after the boot
  std::string world;             // the boot and the pid namespace

  bool operator==(const ProcessIdentity&) const = default;
};

std::optional<ProcessIdentity> IdentityOf(pid_t pid);
// The same for many: `world` is ThisWorld(), which costs more than the rest.
std::string ThisWorld();
std::optional<ProcessIdentity> IdentityOf(pid_t pid, std::string world);
// One line of text, and back.
std::string ToText(const ProcessIdentity& identity);
std::optional<ProcessIdentity> ParseIdentity(std::string_view text);

// Kills the process if it is still this one, and nobody else.
void KillExactly(const ProcessIdentity& identity);

// Kills every process of this user whose environment has an entry that begins with `entry`, until
// none is left or a few rounds did not help. How many it killed. Reads all of /proc. Entries end in
// a NUL: with it `entry` is all of one.
int KillByEnvironment(std::string_view entry);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_OS_PROCFS_HPP_
