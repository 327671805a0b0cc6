// base/notifier.hpp - the one thread that tells the host: log lines and events, in order, bounded.
#ifndef PLUGRELOAD_BASE_NOTIFIER_HPP_
#define PLUGRELOAD_BASE_NOTIFIER_HPP_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <variant>

#include "base/meters.hpp"
#include "base/mutex.hpp"
#include "plugreload/host.hpp"
#include "plugreload/types.hpp"

namespace plugreload::internal {

// Callers only queue: a slow host never holds up the library. A full queue drops its oldest entry;
// the number dropped is told by an event before the next one.
//
// Thread safety: safe for concurrent use.
class Notifier {
 public:
  Notifier(std::shared_ptr<Host> host, std::size_t limit);
  ~Notifier() { Close(Deadline::min()); }
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  void Log(LogLevel level, std::string_view instance, std::string_view message);
  void Emit(Event event);
  // Of the runtime whose notifier this is: every room has it at hand.
  Meters& meters() { return meters_; }
  // Delivers what is queued, then ends the thread; what is left at the deadline is dropped. A host
  // that does not return from its callback is left behind.
  void Close(Deadline deadline);

 private:
  struct Line {
    LogLevel level;
    std::string instance;
    std::string message;
  };
  using Entry = std::variant<Line, Event>;

  // Shared with the thread, which may outlive a notifier whose host does not return.
  struct State {
    std::shared_ptr<Host> host;
    std::size_t limit = 0;
    Mutex mutex;
    CondVar changed;
    std::deque<Entry> queue PLUGRELOAD_GUARDED_BY(mutex);
    std::uint64_t lost PLUGRELOAD_GUARDED_BY(mutex) = 0;
    bool closing PLUGRELOAD_GUARDED_BY(mutex) = false;
    bool ended PLUGRELOAD_GUARDED_BY(mutex) = false;
  };
  void Push(Entry entry);
  static void Run(State& state);
  static void Deliver(Host& host, const Entry& entry);

  Meters meters_;
  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_BASE_NOTIFIER_HPP_
