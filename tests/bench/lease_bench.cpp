// What a lease costs beside the least that protects a pointer, what swaps do to it, and what waits
// for it: the lease alone, its mount resolved already.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <climits>
#include <functional>
#include <memory>
#include <shared_mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/section.hpp"
#include "harness.hpp"
#include "reload/drainer.hpp"
#include "reload/generation.hpp"
#include "reload/instance.hpp"
#include "urcu_peer.h"

namespace plugreload::bench {
namespace {

using internal::Generation;

constexpr std::size_t kOperations = 1'000'000;

// A slot and the real parts behind it.
struct Leases {
  internal::SectionDomain domain;
  internal::Drainer drainer{&domain, nullptr};
  std::atomic<Generation*> current{drainer.slab().Take()};

  ~Leases() {
    Swap(nullptr);
    drainer.WaitIdle(After(Millis(10'000)));
  }
  void Swap(Generation* next, std::function<void()> done = nullptr) {
    drainer.Add(current.exchange(next, std::memory_order_seq_cst), std::move(done));
  }
  struct Lease {
    Generation* generation;
    internal::LeaseCount count;
  };
  [[gnu::always_inline]] Lease Acquire() {  // as urcu_peer.c has its sections
    internal::Section section(domain, *domain.Record());
    Generation* generation = current.load(internal::kSectionAcquire);
    return {generation, CountLease(*generation, section)};
  }
  static void Release(const Lease& lease) { ReleaseLease(*lease.generation, lease.count); }
  void Loop(std::size_t operations) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < operations; ++i) {
      const Lease lease = Acquire();
      sum += lease.generation->number;
      Release(lease);
    }
    Keep(sum);
  }
};

// The other candidate: a lease stores the generation in a slot of its thread and looks again
// whether it is still current, and whoever waits for a drain looks through all slots of all
// threads. As fast as it can be had: released by its own thread, at most 64 at a time.
struct Hazards {
  std::array<std::atomic<Generation*>, 64> slots{};
  std::uint64_t free = ~std::uint64_t{0};

  [[gnu::always_inline]] int Acquire(const std::atomic<Generation*>& current,
                                     const internal::SectionRecord& record) {
    const int slot = std::countr_zero(free);
    free &= free - 1;
    for (Generation* seen = current.load(std::memory_order_relaxed);;) {
      slots[static_cast<std::size_t>(slot)].store(seen, std::memory_order_relaxed);
      record.LightFence();
      Generation* again = current.load(std::memory_order_acquire);
      if (again == seen) return slot;
      seen = again;
    }
  }
  [[gnu::always_inline]] void Release(int slot, const internal::SectionRecord& record) {
    auto& held = slots[static_cast<std::size_t>(slot)];
    Generation* generation = held.load(std::memory_order_relaxed);
    held.store(nullptr, std::memory_order_release);
    free |= std::uint64_t{1} << slot;
    record.LightFence();
    if (generation->draining.load(std::memory_order_relaxed)) generation->drained->Wake();
  }
};

// A thread that swaps a thousand times a second for as long as it lives.
class Swapper {
 public:
  explicit Swapper(const std::function<void()>& swap)
      : thread_([this, swap](const std::stop_token& stop) {
          auto next = std::chrono::steady_clock::now();
          const double start = WallNow();
          std::size_t swaps = 0;
          while (!stop.stop_requested()) {
            swap();
            ++swaps;
            next += std::chrono::milliseconds(1);
            // lint: allow-sleep the pace is what is measured
            std::this_thread::sleep_until(next);
          }
          rate_ = static_cast<double>(swaps) * 1e9 / (WallNow() - start);
        }) {}
  double Stop() {
    thread_.request_stop();
    thread_.join();
    return rate_;
  }

 private:
  double rate_ = 0;
  std::jthread thread_;
};

struct Peers {
  std::uint64_t value = 1;
  std::atomic<std::uint64_t*> plain{&value};

  std::shared_mutex mutex;
  std::atomic<std::uint64_t> count{0};

  std::atomic<std::shared_ptr<std::uint64_t>> shared{std::make_shared<std::uint64_t>(1)};

  void Plain(std::size_t operations) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < operations; ++i) sum += *plain.load(std::memory_order_acquire);
    Keep(sum);
  }
  // What counting costs that protects nothing: the two counters where a lease has them.
  static void Counted(Leases& leases, std::size_t operations) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < operations; ++i) {
      internal::SectionRecord& record = *leases.domain.Record();
      const Generation& generation = *leases.current.load(std::memory_order_acquire);
      sum += generation.number;
      internal::LeaseCounter* counter = record.Counter(generation.id);
      for (std::atomic<std::uint32_t>* count : {&counter->in, &counter->out}) {
        count->store(count->load(std::memory_order_relaxed) + 1, std::memory_order_release);
      }
    }
    // Twice the ended are the begun again.
    internal::LeaseCounter* counter = leases.domain.Record()->Counter(leases.current.load()->id);
    counter->in.store(counter->out.load() / 2);
    Keep(sum);
  }
  static void Hazard(Leases& leases, std::size_t operations) {
    thread_local Hazards hazards;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < operations; ++i) {
      const internal::SectionRecord& record = *leases.domain.Record();
      const int slot = hazards.Acquire(leases.current, record);
      sum += hazards.slots[static_cast<std::size_t>(slot)].load(std::memory_order_relaxed)->number;
      hazards.Release(slot, record);
    }
    Keep(sum);
  }
  void SharedMutex(std::size_t operations) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < operations; ++i) {
      {
        const std::shared_lock lock(mutex);
        count.fetch_add(1, std::memory_order_relaxed);
      }
      sum += *plain.load(std::memory_order_relaxed);
      count.fetch_sub(1, std::memory_order_release);
    }
    Keep(sum);
  }
  void SharedPtr(std::size_t operations) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < operations; ++i) sum += *shared.load(std::memory_order_acquire);
    Keep(sum);
  }
  static void Urcu(std::size_t operations) { Keep(urcu_peer_read(operations)); }
};

double OnThreads(int threads, const std::function<void(std::size_t)>& loop,
                 std::size_t operations = kOperations) {
  return CpuPerOnThreads(threads, operations, [&](std::size_t count) {
    thread_local struct Registered {
      Registered() { urcu_peer_begin_thread(); }
      ~Registered() { urcu_peer_end_thread(); }
    } registered;
    Keep(&registered);
    loop(count);
  });
}

void MeasureLeases(Report& report) {
  Leases leases, counters;
  Peers peers;
  Rounds rounds;
  std::vector<double> rates;
  const auto ours = [&](std::size_t n) { leases.Loop(n); };
  const auto swapped = [&](int threads) {
    Swapper swapper([&] { leases.Swap(leases.drainer.slab().Take()); });
    const double cost = OnThreads(threads, ours, 30 * kOperations);
    rates.push_back(swapper.Stop());
    return cost;
  };
  const auto way = [&](const char* name, int threads, std::function<void(std::size_t)> loop,
                       std::size_t operations = kOperations) {
    return rounds.Add(name, [=] { return OnThreads(threads, loop, operations); });
  };
  const auto ours1 = way("lease, 1 thread", 1, ours), ours2 = way("lease, 2 threads", 2, ours);
  const auto long1 = way("lease, 1 thread", 1, ours, 30 * kOperations);
  const auto long2 = way("lease, 2 threads", 2, ours, 30 * kOperations);
  const auto swaps1 = rounds.Add("lease, 1 thread, 1,000 swaps/s", [&] { return swapped(1); });
  const auto swaps2 = rounds.Add("lease, 2 threads, 1,000 swaps/s", [&] { return swapped(2); });
  const auto urcu1 = way("liburcu-memb section", 1, Peers::Urcu);
  const auto urcu2 = way("liburcu-memb section", 2, Peers::Urcu);
  const auto plain = [&](std::size_t n) { peers.Plain(n); };
  const auto plain1 = way("plain deref", 1, plain), plain2 = way("plain deref", 2, plain);
  const auto counted = [&](std::size_t n) { Peers::Counted(counters, n); };
  const auto counted1 = way("plain deref and two counters", 1, counted);
  const auto hazard = [&](std::size_t n) { Peers::Hazard(leases, n); };
  const auto hazard1 = way("hazard slot per lease", 1, hazard);
  const auto hazard2 = way("hazard slot per lease", 2, hazard);
  const auto mutex = [&](std::size_t n) { peers.SharedMutex(n); };
  const auto mutex1 = way("shared_mutex + atomic", 1, mutex, kOperations / 10);
  const auto mutex2 = way("shared_mutex + atomic", 2, mutex, kOperations / 10);
  const auto shared = [&](std::size_t n) { peers.SharedPtr(n); };
  const auto shared1 = way("atomic<shared_ptr>", 1, shared, kOperations / 10);
  const auto shared2 = way("atomic<shared_ptr>", 2, shared, kOperations / 10);
  rounds.Run(report.rounds());

  report.Compare("lease to liburcu-memb section, 1 thread", rounds, ours1, urcu1, 1.25);
  report.Compare("lease to liburcu-memb section, 2 threads", rounds, ours2, urcu2, 1.25);
  report.Compare("lease, 2 threads to 1", rounds, ours2, ours1, 1.15);
  report.Compare("lease with 1,000 swaps/s to without, 1 thread", rounds, swaps1, long1, 1.10);
  report.Compare("lease with 1,000 swaps/s to without, 2 threads", rounds, swaps2, long2, 1.10);
  report.Compare("lease to plain deref, 1 thread", rounds, ours1, plain1, 0);
  report.Compare("lease to plain deref, 2 threads", rounds, ours2, plain2, 0);
  report.Compare("lease to plain deref and two counters, 1 thread", rounds, ours1, counted1, 0);
  report.Compare("lease to hazard slot per lease, 1 thread", rounds, ours1, hazard1, 0);
  report.Compare("lease to hazard slot per lease, 2 threads", rounds, ours2, hazard2, 0);
  report.Compare("lease to shared_mutex + atomic, 1 thread", rounds, ours1, mutex1, 0);
  report.Compare("lease to shared_mutex + atomic, 2 threads", rounds, ours2, mutex2, 0);
  report.Compare("lease to atomic<shared_ptr>, 1 thread", rounds, ours1, shared1, 0);
  report.Compare("lease to atomic<shared_ptr>, 2 threads", rounds, ours2, shared2, 0);
  report.Figure("swaps per second that got in", Median(rates), "/s");
}

// From a release to the thread that waits for it.
void MeasureWakeUp(Report& report) {
  constexpr int kWakes = 100;
  Leases leases;
  Rounds rounds;
  const auto pause = [] {
    // lint: allow-sleep the waiter must be asleep, and nothing tells that it is
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  };
  const auto ours = rounds.Add("drain wake-up", [&] {
    std::vector<double> times;
    for (int i = 0; i < kWakes; ++i) {
      const Leases::Lease lease = leases.Acquire();
      std::atomic<double> woken{0};
      leases.Swap(leases.drainer.slab().Take(), [&] {
        woken.store(WallNow());
        woken.notify_one();
      });
      pause();
      const double start = WallNow();
      Leases::Release(lease);
      woken.wait(0);
      times.push_back(woken.load() - start);
    }
    return Median(times);
  });
  const auto bare = rounds.Add("futex wake", [&] {
    std::vector<double> times;
    std::atomic<std::uint32_t> word{0};
    std::atomic<double> woken{0};
    const auto futex = [&word](int operation, std::uint32_t value) {
      syscall(SYS_futex, &word, operation, value, nullptr, nullptr, 0);
    };
    std::jthread waiter([&] {
      for (std::uint32_t i = 0; i < kWakes; ++i) {
        while (word.load() == i) futex(FUTEX_WAIT_PRIVATE, i);
        woken.store(WallNow());
        woken.notify_one();
      }
    });
    for (std::uint32_t i = 0; i < kWakes; ++i) {
      woken.store(0);
      pause();
      const double start = WallNow();
      word.store(i + 1);
      futex(FUTEX_WAKE_PRIVATE, INT_MAX);
      woken.wait(0);
      times.push_back(woken.load() - start);
    }
    return Median(times);
  });
  rounds.Run(report.rounds());
  report.Compare("drain wake-up to a bare futex wake", rounds, ours, bare, 1.2);
}

// From the first of `batch` swaps to the last old generation being proven free, per generation:
// what a reload of one mount, or of many, does.
double Drain(Leases& leases, std::size_t batch, int batches) {
  const double start = WallNow();
  for (int i = 0; i < batches; ++i) {
    std::vector<internal::Drainer::Waiting> hidden;
    hidden.reserve(batch);
    for (std::size_t k = 0; k < batch; ++k) {
      Generation* next = leases.drainer.slab().Take();
      hidden.push_back({leases.current.exchange(next, std::memory_order_seq_cst), k});
    }
    std::atomic<std::size_t> left{batch};
    leases.drainer.AddHere(hidden, [&left](const std::vector<std::size_t>& drained) {
      if (left.fetch_sub(drained.size()) == drained.size()) left.notify_one();
    });
    for (std::size_t seen = left.load(); seen != 0; seen = left.load()) left.wait(seen);
  }
  return (WallNow() - start) / (static_cast<double>(batch) * batches);
}

void MeasureBatch(Report& report) {
  Leases leases;
  Rounds rounds;
  const auto many = rounds.Add("drain, 1,000 at once", [&] { return Drain(leases, 1'000, 10); });
  const auto one = rounds.Add("drain, one by one", [&] { return Drain(leases, 1, 300); });
  rounds.Run(report.rounds());
  report.Compare("batch of 1,000 to one by one, per instance", rounds, many, one, 1.0 / 50);
}

}  // namespace
}  // namespace plugreload::bench

int main(int argc, char** argv) {
  using namespace plugreload::bench;
  Report report(argc, argv, "lease", 15);
  MeasureLeases(report);
  MeasureWakeUp(report);
  MeasureBatch(report);
  return report.Finish();
}
