// fuzz/history.hpp - reloads that went every way, for what tells of them.
#ifndef PLUGRELOAD_TESTS_FUZZ_HISTORY_HPP_
#define PLUGRELOAD_TESTS_FUZZ_HISTORY_HPP_

#include <condition_variable>
#include <memory>
#include <mutex>

#include "plugreload/runtime.hpp"

namespace plugreload::fuzz {

// Starts plugins as objects of the process: at once, not at all, or not before it is told to.
//
// Thread safety: safe for concurrent use.
class Starter {
 public:
  enum class Mode { kStart, kRefuse, kHang };
  void Become(Mode mode);
  // Until a start hangs. REQUIRES: one was asked for.
  void WaitHanging();
  // A launcher that does as it is told; the starter must outlive what it started.
  std::shared_ptr<Launcher> NewLauncher();

 private:
  Result<std::shared_ptr<void>> Start(const StartContext& context);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  Mode mode_ = Mode::kStart;
  int hanging_ = 0;
};

// Fills the history of a runtime that has the mounts of World: r1 is done, r2 failed, r3 was
// cancelled, r4 waits for the lease that is returned, r5 hangs in its start and r6 waits for r5.
PluginLease MakeHistory(Runtime& runtime, Starter& starter);

// The same of two members of a store, by global reloads that `runtime` asks for: g1 is done, g2
// failed on the other one, which rolls, g3 hangs there.
void MakeGlobalHistory(Runtime& runtime, Runtime& other, Starter& starter_of_other);

}  // namespace plugreload::fuzz

#endif  // PLUGRELOAD_TESTS_FUZZ_HISTORY_HPP_
