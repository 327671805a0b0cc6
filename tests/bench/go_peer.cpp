#include "go_peer.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace plugreload::bench {

GoPeer::GoPeer(const std::string& program, std::size_t mounts) {
  int to[2], from[2];
  std::string name = program, option = "-mounts=" + std::to_string(mounts);
  char* arguments[] = {name.data(), option.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  bool started = pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0;
  if (started) {
    posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
    started = posix_spawn(&pid_, name.c_str(), &actions, nullptr, arguments, environ) == 0;
  }
  posix_spawn_file_actions_destroy(&actions);
  if (!started) {
    std::fprintf(stderr, "cannot start %s\n", program.c_str());
    std::exit(1);
  }
  close(to[0]);
  close(from[1]);
  in_ = fdopen(to[1], "w");
  out_ = fdopen(from[0], "r");
}

GoPeer::~GoPeer() {
  std::fclose(in_);
  std::fclose(out_);
  waitpid(pid_, nullptr, 0);
}

double GoPeer::Measure(int threads) {
  double cost = 0;
  std::fprintf(in_, "%d\n", threads);
  std::fflush(in_);
  if (std::fscanf(out_, " {\"ns\":%lf}", &cost) != 1) {
    std::fprintf(stderr, "the Go program did not answer\n");
    std::exit(1);
  }
  return cost;
}

}  // namespace plugreload::bench
