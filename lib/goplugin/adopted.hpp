// goplugin/adopted.hpp - a process that somebody else started, held by its pidfd.
#ifndef PLUGRELOAD_GOPLUGIN_ADOPTED_HPP_
#define PLUGRELOAD_GOPLUGIN_ADOPTED_HPP_

#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "goplugin/exit_gate.hpp"
#include "goplugin/messenger.hpp"
#include "plugreload/status.hpp"

namespace plugreload::goplugin {

// From Hold on the process is this one, whoever gets its number later. One thread waits for its
// end.
//
// Thread safety: safe for concurrent use.
class Adopted {
 public:
  // kUnavailable "process_gone"; kResourceExhausted "threads".
  static Result<std::shared_ptr<Adopted>> Hold(std::int64_t pid,
                                               std::shared_ptr<Messenger> messenger);
  ~Adopted();
  Adopted(const Adopted&) = delete;
  Adopted& operator=(const Adopted&) = delete;

  bool gone() const;
  Status GoneStatus() const;
  // The gate learns of the end, on the messenger's thread.
  void Tell(const std::shared_ptr<ExitGate>& gate);

 private:
  Adopted(std::int64_t pid, std::shared_ptr<Messenger> messenger);
  void Watch();
  void Ended();

  const std::int64_t pid_;
  const std::shared_ptr<Messenger> messenger_;
  int pidfd_ = -1;
  int quit_ = -1;  // an eventfd

  std::mutex mutex_;
  std::vector<std::weak_ptr<ExitGate>> gates_;
  std::thread thread_;
};

}  // namespace plugreload::goplugin

#endif  // PLUGRELOAD_GOPLUGIN_ADOPTED_HPP_
