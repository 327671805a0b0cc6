// base/notifier.hpp - the one thread that tells the host: log lines and events, in order, bounded.
#ifndef PLUGRELOAD_BASE_NOTIFIER_HPP_
#define PLUGRELOAD_BASE_NOTIFIER_HPP_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
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

// Callers only queue, and nothing at all when there is no host: a slow host never holds up the
// library. A full queue drops its oldest entry; the number dropped is told by an event before the
// next one.
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
  // Each of `count` events is made when it is told, on the notifier's thread: those of a batch that
  // is larger than the queue are not made at all but for the last ones.
  using MakeEvent = std::function<Event(std::size_t)>;
  void EmitMany(EventKind kind, std::size_t count, MakeEvent make);
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
  struct Many {
    EventKind kind;
    std::size_t next, count;
    std::shared_ptr<const MakeEvent> make;
  };
  using Entry = std::variant<Line, Event, Many>;

  // Shared with the thread, which may outlive a notifier whose host does not return.
  struct State {
    std::shared_ptr<Host> host;
    std::size_t limit = 0;
    Mutex mutex;
    CondVar changed;
    std::deque<Entry> queue PLUGRELOAD_GUARDED_BY(mutex);
    std::size_t waiting PLUGRELOAD_GUARDED_BY(mutex) = 0;  // notifications in `queue`
    std::uint64_t lost PLUGRELOAD_GUARDED_BY(mutex) = 0;
    bool closing PLUGRELOAD_GUARDED_BY(mutex) = false;
    bool ended PLUGRELOAD_GUARDED_BY(mutex) = false;
  };
  void Push(Entry entry);
  static std::size_t SizeOf(const Entry& entry);
  static void Drop(State& state, std::size_t count) PLUGRELOAD_REQUIRES(state.mutex);
  static Entry Take(State& state) PLUGRELOAD_REQUIRES(state.mutex);
  static void Run(State& state);
  static void Deliver(Host& host, const Entry& entry);

  Meters meters_;
  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_BASE_NOTIFIER_HPP_
