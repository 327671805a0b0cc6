// cluster/host_process.hpp - runs host.cpp, talks to it, kills it.
#ifndef PLUGRELOAD_TESTS_CLUSTER_HOST_PROCESS_HPP_
#define PLUGRELOAD_TESTS_CLUSTER_HOST_PROCESS_HPP_

#include <sys/types.h>

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "plugreload/types.hpp"

namespace plugreload::test {

// One incarnation of a host.
//
// Thread safety: safe for concurrent use, but one thread at a time ends it.
class HostProcess {
 public:
  struct Answer {
    bool lost = false;   // the process ended before it answered
    std::string code;    // "OK", "NOT_FOUND", ...
    std::string reason;  // "-": none
    std::string text;
    bool ok() const { return code == "OK"; }
    std::string ToString() const { return lost ? "lost" : code + " " + reason + " " + text; }
  };
  // Called on the reader's thread; the lines without "! ".
  using OnNews = std::function<void(const std::string&)>;

  // `arguments` as host.cpp has them, without the program.
  explicit HostProcess(std::vector<std::string> arguments, OnNews on_news = {});
  ~HostProcess();  // kills
  HostProcess(const HostProcess&) = delete;
  HostProcess& operator=(const HostProcess&) = delete;

  // The first throws after a while without an answer; a lost answer is one.
  Answer Call(const std::string& command);
  void Send(const std::string& command, std::function<void(const Answer&)> then);
  // Until it has said this; false when it ends first, or never does.
  [[nodiscard]] bool WaitNews(const std::string& line);
  bool Saw(const std::string& line);

  void Signal(int signal);
  void Kill();                   // SIGKILL, reaped
  [[nodiscard]] bool WaitEnd();  // until it has ended by itself; reaped
  // Ends its input. Its exit status, 0 when everything was closed well; -1: it never ended.
  int Close();

 private:
  void Read();
  void Reap();

  const OnNews on_news_;
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1;
  int status_ = -1;
  std::thread reader_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> news_;
  std::map<std::size_t, std::function<void(const Answer&)>> waiting_;
  std::size_t next_ = 0;
  bool ended_ = false;
};

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_CLUSTER_HOST_PROCESS_HPP_
