// cluster/proxy.hpp - a network between a store and etcd that loses answers and delays requests.
#ifndef PLUGRELOAD_TESTS_CLUSTER_PROXY_HPP_
#define PLUGRELOAD_TESTS_CLUSTER_PROXY_HPP_

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace plugreload::test {

// Carries TCP connections from a port of its own to `url`, on one thread.
//
// Thread safety: safe for concurrent use.
class Proxy {
 public:
  explicit Proxy(const std::string& url);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  std::string url() const;

  // Requests arrive, answers do not, until Mend; the connections break then.
  void LoseAnswers() { Set(Mode::kLose); }
  // Requests wait until Mend, and arrive then, on a connection that the client has lost: that it
  // gave them up in the meantime does not arrive.
  void DelayRequests() { Set(Mode::kDelay); }
  void Mend() { Set(Mode::kPass); }
  // How often requests arrived while answers were lost, and while they waited.
  int disturbed() const { return disturbed_.load(); }
  // How often something came from etcd and was passed on.
  int answers() const { return answers_.load(); }

 private:
  enum class Mode { kPass, kLose, kDelay };
  struct Link {
    int client = -1;
    int server = -1;
    bool lost = false;  // an answer is missing, so nothing can follow
    std::string held;   // a request that waits
  };
  void Set(Mode mode);
  void Run();
  void Accept();
  bool Carry(Link& link, bool from_client, bool from_server);

  int port_ = 0;
  int target_ = 0;
  int listener_ = -1;
  int wake_ = -1;
  std::atomic<Mode> mode_{Mode::kPass};
  std::atomic<bool> stop_{false};
  std::atomic<int> disturbed_{0};
  std::atomic<int> answers_{0};
  std::vector<Link> links_;   // the thread's
  std::vector<int> orphans_;  // to etcd, without a client
  std::thread thread_;
};

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_CLUSTER_PROXY_HPP_
