#include "os/spawn.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

// The child runs in the memory of the host, with the thread-local storage of the thread that made
// it: nothing there may be instrumented, allocate, lock, or call what a sanitizer intercepts.
// Therefore raw system calls only.
#if defined(__clang__)
#define PLUGRELOAD_RAW                                                    \
  __attribute__((no_sanitize("address", "thread", "undefined"), noinline, \
                 disable_sanitizer_instrumentation))
#else
#define PLUGRELOAD_RAW \
  __attribute__((no_sanitize("address"), no_sanitize("thread"), no_sanitize("undefined"), noinline))
#endif

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

// glibc's other name for clone. ThreadSanitizer takes calls of clone for forks, and marks in the
// child, whose memory is ours, that it runs in a forked process.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" int __clone(int (*run)(void*), void* stack, int flags, void* argument, ...);

namespace plugreload::internal {
namespace {

constexpr unsigned kCloseRangeCloexec = 4;
constexpr int kFirstOther = 4;  // 0, 1, 2 and the liveness socket stay
constexpr std::size_t kStackBytes = 64 * 1024;

// The kernel's, not glibc's.
struct KernelSigaction {
  void* handler;
  unsigned long flags;
  void* restorer;
  std::uint64_t mask;
};

struct ChildArgs {
  char* const* argv;
  char* const* env;
  const char* path;
  int image;
  int stdio[kFirstOther];
  pid_t parent;
  volatile int error;  // written by the child, read by the host after it: VFORK orders them
  const char* volatile step;
};

struct LinuxDirent {
  std::uint64_t ino;
  std::int64_t off;
  unsigned short reclen;
  unsigned char type;
  char name[1];
};

PLUGRELOAD_RAW void MarkListed(int first) {
  const int listing = static_cast<int>(
      syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
  if (listing < 0) return;
  alignas(LinuxDirent) char buffer[4096];
  for (;;) {
    const long size = syscall(SYS_getdents64, listing, buffer, sizeof(buffer));
    if (size <= 0) break;
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const LinuxDirent*>(buffer + at);
      int fd = 0;
      bool number = entry->name[0] != 0;
      for (const char* c = entry->name; *c != 0; ++c) {
        if (*c < '0' || *c > '9') number = false;
        fd = fd * 10 + (*c - '0');
      }
      if (number && fd >= first) syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
      at += entry->reclen;
    }
  }
  syscall(SYS_close, listing);
}

[[noreturn]] PLUGRELOAD_RAW void Fail(ChildArgs* args, const char* step) {
  args->error = errno != 0 ? errno : EIO;
  args->step = step;
  for (;;) syscall(SYS_exit_group, 127);
}

PLUGRELOAD_RAW int ChildMain(void* opaque) {
  auto* args = static_cast<ChildArgs*>(opaque);
  if (syscall(SYS_setpgid, 0, 0) != 0) Fail(args, "setpgid");
  if (syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) Fail(args, "prctl");
  // The host may have gone before the line above: then nobody would send the signal.
  if (syscall(SYS_getppid) != args->parent) syscall(SYS_exit_group, 127);
  // Handlers would run in the host's memory: default first, the mask opened last.
  KernelSigaction action{};
  for (int number = 1; number <= 64; ++number) {
    syscall(SYS_rt_sigaction, number, &action, nullptr, sizeof(action.mask));
  }
  for (int target = 0; target < kFirstOther; ++target) {
    if (syscall(SYS_dup3, args->stdio[target], target, 0) < 0) Fail(args, "dup");
  }
  // Marked rather than closed: the image must be open until it is executed.
  if (syscall(SYS_close_range, kFirstOther, ~0U, kCloseRangeCloexec) != 0) MarkListed(kFirstOther);
  const std::uint64_t no_signals = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, nullptr, sizeof(no_signals));
  if (args->image >= 0) {
    syscall(SYS_execveat, args->image, "", args->argv, args->env, AT_EMPTY_PATH);
  } else {
    syscall(SYS_execve, args->path, args->argv, args->env);
  }
  Fail(args, "exec");
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// `fd`, or a copy above the numbers that the child's own descriptors take: a host that closed its
// stdio gets those from the kernel for anything.
int Lift(int fd, Fd& copy) {
  if (fd >= kFirstOther) return fd;
  copy.Reset(fcntl(fd, F_DUPFD_CLOEXEC, kFirstOther));
  return copy.get();
}

class ChildStack {
 public:
  ChildStack()
      : base_(mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)) {}
  ~ChildStack() {
    if (valid()) munmap(base_, kStackBytes);
  }
  ChildStack(const ChildStack&) = delete;
  ChildStack& operator=(const ChildStack&) = delete;
  bool valid() const { return base_ != MAP_FAILED; }
  void* top() const { return static_cast<char*>(base_) + kStackBytes; }

 private:
  void* base_;
};

}  // namespace

void MarkCloseOnExecByListing(int first) { MarkListed(first); }

SpawnOutcome Spawn(const SpawnPlan& plan) {
  const std::vector<char*> argv = Pointers(plan.argv);
  const std::vector<char*> env = Pointers(plan.env);
  const ChildStack stack;
  SpawnOutcome outcome;
  Fd lifted[kFirstOther + 1];
  ChildArgs args{argv.data(), env.data(), plan.path.c_str(), -1, {}, getpid(), 0, "clone"};
  const int sources[kFirstOther] = {plan.in, plan.out, plan.err, plan.liveness};
  for (int i = 0; i < kFirstOther; ++i) args.stdio[i] = Lift(sources[i], lifted[i]);
  if (plan.image >= 0) {
    args.image = Lift(plan.image, lifted[kFirstOther]);
    if (args.image < 0) args.error = errno;
  }
  if (!stack.valid()) args.error = errno;
  if (args.error == 0) {
    int pidfd = -1;
    const int pid = __clone(ChildMain, stack.top(), CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD,
                            &args, &pidfd);
    if (pid < 0) {
      args.error = errno;
    } else {
      outcome.pid = pid;
      outcome.pidfd.Reset(pidfd);
    }
  }
  outcome.error = args.error;
  outcome.step = args.step;
  if (outcome.error != 0 && outcome.pid > 0) {
    siginfo_t info{};
    while (waitid(static_cast<idtype_t>(3) /* P_PIDFD */, static_cast<id_t>(outcome.pidfd.get()),
                  &info, WEXITED) != 0 &&
           errno == EINTR) {
    }
    outcome.pid = -1;
    outcome.pidfd.Reset();
  }
  return outcome;
}

}  // namespace plugreload::internal
