#include "cluster/host_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace plugreload::test {
namespace {

constexpr Millis kPatience{180'000};  // longer than any wait a host is asked for

}  // namespace

HostProcess::HostProcess(std::vector<std::string> arguments, OnNews on_news)
    : on_news_(std::move(on_news)) {
  arguments.insert(arguments.begin(), PLUGRELOAD_TEST_HOST);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  int in[2], out[2];  // in: a socket, because writing to one need not raise SIGPIPE
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) != 0 ||
      ::pipe2(out, O_CLOEXEC) != 0) {
    throw std::runtime_error("no pipe");
  }
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  const int error = ::posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(in[0]);
  ::close(out[1]);
  in_ = in[1];
  out_ = out[0];
  if (error != 0) throw std::runtime_error("cannot run " + arguments[0]);
  reader_ = std::thread([this] { Read(); });
}

HostProcess::~HostProcess() {
  Kill();
  ::close(out_);
}

void HostProcess::Read() {
  std::string text;
  char buffer[4096];
  for (ssize_t size; (size = ::read(out_, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(size));
    for (std::size_t end; (end = text.find('\n')) != std::string::npos;) {
      const std::string line = text.substr(0, end);
      text.erase(0, end + 1);
      if (line.starts_with("! ")) {
        if (on_news_) on_news_(line.substr(2));
        const std::lock_guard lock(mutex_);
        news_.push_back(line.substr(2));
        changed_.notify_all();
        continue;
      }
      std::istringstream words(line);
      std::string mark;
      std::size_t number = 0;
      Answer answer;
      words >> mark >> number >> answer.code >> answer.reason;
      std::getline(words >> std::ws, answer.text);
      std::function<void(const Answer&)> then;
      {
        const std::lock_guard lock(mutex_);
        then = std::move(waiting_[number]);
        waiting_.erase(number);
      }
      if (then) then(answer);
    }
  }
  std::map<std::size_t, std::function<void(const Answer&)>> lost;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    lost.swap(waiting_);
    changed_.notify_all();
  }
  Answer none;
  none.lost = true;
  for (auto& [number, then] : lost) then(none);
}

void HostProcess::Send(const std::string& command, std::function<void(const Answer&)> then) {
  std::string line;
  {
    const std::lock_guard lock(mutex_);
    if (!ended_ && in_ >= 0) {
      line = std::to_string(++next_) + " " + command + "\n";
      waiting_[next_] = then;
    }
  }
  if (line.empty()) {
    Answer none;
    none.lost = true;
    then(none);
    return;
  }
  // Where nobody reads any more the reader's thread tells.
  (void)!::send(in_, line.data(), line.size(), MSG_NOSIGNAL);
}

HostProcess::Answer HostProcess::Call(const std::string& command) {
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    Answer answer;
  };
  const auto state = std::make_shared<State>();
  Send(command, [state](const Answer& answer) {
    const std::lock_guard lock(state->mutex);
    state->answer = answer;
    state->done = true;
    state->changed.notify_all();
  });
  std::unique_lock lock(state->mutex);
  if (!state->changed.wait_for(lock, kPatience, [&] { return state->done; })) {
    throw std::runtime_error("a host does not answer: " + command);
  }
  return state->answer;
}

bool HostProcess::WaitNews(const std::string& line) {
  std::unique_lock lock(mutex_);
  const auto said = [&] { return std::find(news_.begin(), news_.end(), line) != news_.end(); };
  changed_.wait_for(lock, kPatience, [&] { return said() || ended_; });
  return said();
}

bool HostProcess::Saw(const std::string& line) {
  const std::lock_guard lock(mutex_);
  return std::find(news_.begin(), news_.end(), line) != news_.end();
}

void HostProcess::Signal(int signal) {
  if (pid_ > 0) ::kill(pid_, signal);
}

void HostProcess::Reap() {
  if (pid_ > 0) ::waitpid(pid_, &status_, 0);
  pid_ = -1;
  if (reader_.joinable()) reader_.join();
  const std::lock_guard lock(mutex_);
  if (in_ >= 0) ::close(std::exchange(in_, -1));
}

void HostProcess::Kill() {
  Signal(SIGKILL);
  Reap();
}

bool HostProcess::WaitEnd() {
  {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [&] { return ended_; })) return false;
  }
  Reap();
  return true;
}

int HostProcess::Close() {
  {
    const std::lock_guard lock(mutex_);
    if (in_ >= 0) ::close(std::exchange(in_, -1));
  }
  if (!WaitEnd()) return -1;
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
}

}  // namespace plugreload::test
