// Leases and drains without a runtime around them.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "reload/drainer.hpp"
#include "reload/generation.hpp"
#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

struct Held {
  Generation* generation = nullptr;
  LeaseCount count;
};

// A slot, and what its generations keep alive: an int that the drain overwrites.
struct Served {
  std::unique_ptr<SectionDomain> domain = std::make_unique<SectionDomain>();
  std::unique_ptr<Drainer> drainer = std::make_unique<Drainer>(domain.get(), nullptr);
  std::atomic<Generation*> current{nullptr};

  Held Acquire() {
    const Section section(*domain, *domain->Record());
    Generation* generation = current.load(kSectionAcquire);
    return {generation, CountLease(*generation, section)};
  }
  void Swap(Generation* next, std::function<void()> done) {
    Generation* old = current.exchange(next, std::memory_order_seq_cst);
    if (old != nullptr) drainer->Add(old, std::move(done));
  }
};

TEST_CASE("a drain ends when the last lease has ended, wherever that was", "[lease][stress]") {
  static constexpr std::uint64_t kSwaps = 2'000;
  Served served;
  // One for each generation there ever is; not atomic, so that a sanitizer sees who does not wait.
  std::vector<int> drained(kSwaps + 1, 0);
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> wrong{0}, leases{0};
  std::mutex mutex;
  std::vector<Held> belt;
  const auto release = [&](const Held& held) {
    if (drained[held.generation->number] != 0) ++wrong;
    ReleaseLease(*held.generation, held.count);
  };
  Generation* first = served.drainer->slab().Take();
  REQUIRE(first != nullptr);
  first->number = 0;
  served.current = first;
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < 3; ++i) {
      threads.emplace_back([&, i] {
        std::minstd_rand random(i + 1);
        while (!stop) {
          Held held = served.Acquire();
          ++leases;
          if (random() % 4 == 0) {
            const std::lock_guard lock(mutex);
            if (belt.size() < 8) {
              belt.push_back(held);
              continue;
            }
            std::swap(held, belt[random() % belt.size()]);
          }
          release(held);
        }
      });
    }
    for (std::uint64_t i = 1; i <= kSwaps; ++i) {
      Generation* next = served.drainer->slab().Take();
      REQUIRE(next != nullptr);
      next->number = i;
      served.Swap(next, [&drained, i] { drained[i - 1] = 1; });
    }
    stop = true;
  }
  for (const Held& held : belt) release(held);
  served.Swap(nullptr, [&drained] { drained[kSwaps] = 1; });
  CHECK(served.drainer->WaitIdle(After(Millis(60'000))) == 0);
  CHECK(wrong == 0);
  CHECK(std::count(drained.begin(), drained.end(), 1) == kSwaps + 1);
  CHECK(served.domain->CountLeases().begun == leases);
  CHECK(served.domain->CountLeases().held == 0);
}

TEST_CASE("nothing that a release touches goes before it is done", "[lease][stress]") {
  constexpr int kRounds = 300;
  std::atomic<Served*> shared{nullptr};
  std::atomic<int> round{0}, holding{0}, gone{0};
  std::atomic<bool> stop{false};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      for (int seen = 0; !stop;) {
        const int now = round.load();
        if (now == seen) {
          std::this_thread::yield();
          continue;
        }
        seen = now;
        const Held held = shared.load()->Acquire();
        ++holding;
        while (gone != seen && !stop) std::this_thread::yield();
        // From the count on, the other side may take everything away.
        ReleaseLease(*held.generation, held.count);
      }
    });
  }
  for (int i = 1; i <= kRounds; ++i) {
    auto served = std::make_unique<Served>();
    served->current = served->drainer->slab().Take();
    shared = served.get();
    holding = 0;
    round = i;
    while (holding != 2) std::this_thread::yield();
    served->Swap(nullptr, nullptr);
    gone = i;
    CHECK(served->drainer->WaitIdle(After(Millis(60'000))) == 0);
    served->domain->Grace();
    served->domain->AwaitReleases();
    served.reset();
  }
  stop = true;
}

}  // namespace
}  // namespace plugreload::internal
