// load/client.hpp - open-loop load: requests leave when their time has come, whatever the answers.
#ifndef EXAMPLES_LOAD_CLIENT_HPP_
#define EXAMPLES_LOAD_CLIENT_HPP_

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "load/connection.hpp"
#include "load/stats.hpp"

namespace example {

struct LoadOptions {
  std::string connect = "tcp:127.0.0.1:8200";  // or "unix:/path"
  std::vector<std::string> namespaces;         // X-Vault-Namespace, in turn; "" is the root
  std::string prefix = "/v1/kv/";
  std::string read_key = "greeting";  // nine of ten requests read it
  std::string expect;                 // its value; {ns} is the namespace; empty: unchecked
  std::string token = "root";
  std::string run = "load";  // request ids are <run>-<number>
  double rate = 2000;        // per second, over all namespaces
  double seconds = 0;        // 0: until SIGTERM or SIGINT
  std::size_t connections = 64;
  std::string samples;  // file for every single latency; empty: none
  std::chrono::milliseconds progress{200};
  std::chrono::milliseconds timeout{30'000};  // of one request
};

// Thread safety: one thread.
class LoadClient {
 public:
  explicit LoadClient(LoadOptions options);
  // Runs until the time is over or `stop_fd` is readable, then waits for the requests that are out.
  void Run(int stop_fd);

  Stats& stats() { return stats_; }

 private:
  struct Job {
    std::uint64_t number = 0;
    Clock::time_point intended;
  };
  struct Slot {
    explicit Slot(const std::string& endpoint) : connection(endpoint) {}
    Connection connection;
    Job job;
  };

  const std::string& NamespaceOf(const Job& job) const;
  std::string RequestText(const Job& job) const;
  void Schedule(Clock::time_point now);
  void Assign();
  void End(Slot& slot, Outcome outcome);
  void Expire(Clock::time_point now);
  bool Wait(int stop_fd);  // true: asked to stop
  std::size_t Busy() const;

  const LoadOptions options_;
  Stats stats_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::deque<Job> due_;  // whose time has come, waiting for a connection
  const Clock::time_point start_ = Clock::now();
  std::uint64_t next_ = 0;
};

}  // namespace example

#endif  // EXAMPLES_LOAD_CLIENT_HPP_
