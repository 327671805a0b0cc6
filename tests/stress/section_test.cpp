#include "base/section.hpp"

#include <sched.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "plugreload/types.hpp"
#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

constexpr Millis kAtMost{2'000};
// A mutant fails within milliseconds, unless the machine gives two threads no time at once.
constexpr Millis kMutantAtMost{60'000};

// What is published. `poison` is set once nobody can hold it any more; `plain` is for the
// ThreadSanitizer, which then sees a writer that did not wait for a reader.
struct Value {
  std::atomic<std::uint32_t> poison{0};
  std::uint32_t plain = 0;
};

struct Board {
  // Lines that everybody writes. A store to one of them takes long, and so does every store behind
  // it, the odd number of a section for one: the window in which a missing fence shows.
  struct alignas(64) Line {
    std::atomic<std::uint32_t> noise{0};
  };
  std::array<Line, 16> lines;
  std::array<Value, 4> values;
  std::atomic<Value*> current{&values[0]};
  std::atomic<bool> stop{false};
  std::atomic<int> running{0};
  std::atomic<std::uint64_t> reads{0}, violations{0};

  void Noise(std::uint32_t value) {
    for (Line& line : lines) line.noise.store(value, std::memory_order_relaxed);
  }
};

// What is proved, and the two mutants that must fail: no grace, and no fence on the reader's side.
enum class Proof { kGrace, kNone, kNoFence };
struct Shape {
  int readers, looks, swaps;  // a reader stays for some looks
  bool noise;
};

// As tight as it can be: enter, load, look, leave.
void Read(SectionDomain& domain, Board& board, Proof proof, Shape shape) {
  std::uint64_t reads = 0;
  if (proof == Proof::kNoFence) domain.Record()->fences = false;
  ++board.running;
  while (!board.stop.load(std::memory_order_relaxed)) {
    if (shape.noise) board.Noise(1);
    const Section section(domain, *domain.Record());
    Value* const value = board.current.load(kSectionAcquire);
    for (int i = 0; i < shape.looks; ++i) {
      if (value->poison.load(std::memory_order_relaxed) != 0) ++board.violations;
    }
    if (proof == Proof::kGrace && value->plain != 0) ++board.violations;
    ++reads;
  }
  board.reads += reads;
}

void Swap(SectionDomain& domain, Board& board, Proof proof, Shape shape) {
  const Deadline deadline = After(proof == Proof::kGrace ? kAtMost : kMutantAtMost);
  for (int i = 1; i <= shape.swaps && std::chrono::steady_clock::now() < deadline; ++i) {
    Value* const old = board.current.load(std::memory_order_relaxed);
    Value* const next = &board.values[static_cast<std::size_t>(i) % board.values.size()];
    next->poison.store(0, std::memory_order_relaxed);
    if (proof == Proof::kGrace) next->plain = 0;
    if (shape.noise) board.Noise(2);
    board.current.store(next, kSectionRelease);
    if (proof != Proof::kNone) domain.Grace();
    old->poison.store(1, std::memory_order_relaxed);
    if (proof == Proof::kGrace) old->plain = 2;
    if (proof != Proof::kGrace && board.violations != 0) return;
  }
}

void Litmus(SectionDomain& domain, Board& board, Proof proof, Shape shape) {
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < shape.readers; ++i) {
      readers.emplace_back([&] { Read(domain, board, proof, shape); });
    }
    const Deadline deadline = After(kAtMost);
    while (board.running < shape.readers && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    Swap(domain, board, proof, shape);
    board.stop = true;
  }
  CHECK(board.running == shape.readers);
}

TEST_CASE("after a grace no reader holds what was replaced before it", "[section][stress]") {
  SectionDomain domain;
  Board board;
  Litmus(domain, board, Proof::kGrace, {.readers = 3, .looks = 1, .swaps = 4'000, .noise = false});
  CHECK(board.violations == 0);
}

TEST_CASE("a grace sees sections whose beginning is still in a store buffer", "[section][stress]") {
  SectionDomain domain;
  Board board;
  Litmus(domain, board, Proof::kGrace,
         {.readers = 1, .looks = 32, .swaps = 5'000'000, .noise = true});
  CHECK(board.violations == 0);
}

TEST_CASE("without membarrier a grace is as strong", "[section][stress]") {
  SectionDomain domain;
  domain.UseFences();
  Board board;
  Litmus(domain, board, Proof::kGrace,
         {.readers = 1, .looks = 32, .swaps = 5'000'000, .noise = true});
  CHECK(board.violations == 0);
}

TEST_CASE("this test sees readers that hold what was replaced when there is no grace",
          "[section][stress]") {
  SectionDomain domain;
  Board board;
  Litmus(domain, board, Proof::kNone,
         {.readers = 3, .looks = 64, .swaps = 2'000'000'000, .noise = false});
  CHECK(board.violations > 0);
}

// Under ThreadSanitizer there is no fence to leave out.
#if defined(__x86_64__) && !defined(PLUGRELOAD_TSAN)
TEST_CASE("this test sees a section whose beginning is still in a store buffer",
          "[section][stress]") {
  cpu_set_t processors;
  REQUIRE(sched_getaffinity(0, sizeof(processors), &processors) == 0);
  if (CPU_COUNT(&processors) < 2) {
    WARN("one processor sees its own stores in order");
    return;
  }
  SectionDomain domain;
  domain.UseFences();
  Board board;
  Litmus(domain, board, Proof::kNoFence,
         {.readers = 1, .looks = 32, .swaps = 2'000'000'000, .noise = true});
  CHECK(board.violations > 0);
}
#endif

TEST_CASE("leases counted on any thread, dead ones too, add up", "[section][stress]") {
  static constexpr std::array<std::uint32_t, 4> kIds = {0, 1, kCountersPerChunk - 1,
                                                        kCountersPerChunk};
  constexpr int kRounds = 20, kThreads = 4, kLeases = 500;
  SectionDomain domain;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      // Each ends an unequal number of leases: others end the rest, as with leases handed over.
      threads.emplace_back([&domain, i] {
        SectionRecord* const record = domain.Record();
        for (int lease = 0; lease < kLeases; ++lease) {
          const std::uint32_t id = kIds[static_cast<std::size_t>(lease) % kIds.size()];
          LeaseCounter* const counter = record->Counter(CounterId(id));
          if (counter == nullptr) return;
          const auto bump = [](std::atomic<std::uint32_t>& count, std::uint32_t by) {
            count.store(count.load(std::memory_order_relaxed) + by, std::memory_order_release);
          };
          bump(counter->in, 1);
          bump(counter->out, i % 2 == 0 ? 4 : 0);
        }
      });
    }
  }
  for (const std::uint32_t id : kIds) {
    CHECK(domain.Total(CounterId(id)).in == kRounds * kThreads * kLeases / kIds.size());
    CHECK(domain.Total(CounterId(id)).out == kRounds * kThreads * kLeases / kIds.size());
  }
  CHECK(domain.Total(CounterId(2)).in == 0);
  CHECK(domain.Total(CounterId(5 * kCountersPerChunk)).in == 0);
}

TEST_CASE("statistics go on when a counter begins anew", "[section][stress]") {
  SectionDomain domain;
  LeaseCounter* const counter = domain.Record()->Counter(CounterId(3));
  REQUIRE(counter != nullptr);
  counter->in = 0xffffffff;
  counter->out = 0xfffffffa;  // two are held
  CHECK(domain.CountLeases().begun == 0xffffffff);
  CHECK(domain.CountLeases().held == 2);
  counter->in = 0;
  CHECK(domain.CountLeases().begun == 0xffffffff);  // not counted yet, and it never goes back
  domain.Record()->wraps = 1;
  CHECK(domain.CountLeases().begun == 0x100000000);
  CHECK(domain.CountLeases().held == 3);
  counter->out = 0;
  CHECK(domain.CountLeases().held == 0);
}

TEST_CASE("whoever has counted the end of a lease is waited for until it is done",
          "[section][stress]") {
  SectionDomain domain;
  LeaseCounter* const counter = domain.Record()->Counter(CounterId(5000));
  REQUIRE(counter != nullptr);
  counter->in = 1;
  counter->out = 1;
  CHECK(domain.Total(CounterId(5000)).out == 1);
  std::atomic<bool> done{false}, waiting{false};
  std::jthread waiter([&] {
    waiting = true;
    domain.AwaitReleases();
    CHECK(done);
  });
  while (!waiting) std::this_thread::yield();
  for (int i = 0; i < 1'000; ++i) std::this_thread::yield();
  done = true;
  counter->out = 2;
}

TEST_CASE("a record is of one thread, and is used again when the thread has ended",
          "[section][stress]") {
  SectionDomain domain;
  SectionRecord* const mine = domain.Record();
  CHECK(domain.Record() == mine);
  SectionRecord* first = nullptr;
  SectionRecord* second = nullptr;
  std::thread([&] { first = domain.Record(); }).join();
  std::thread([&] { second = domain.Record(); }).join();
  CHECK(first != nullptr);
  CHECK(first != mine);
  CHECK(first == second);
}

TEST_CASE("a thread that used a domain which is gone gets a record of the new one",
          "[section][stress]") {
  for (int round = 0; round < 100; ++round) {
    SectionDomain domain;
    SectionDomain other;
    {
      const Section section(domain, *domain.Record());
      CHECK(section.record().era.load() == domain.era());
    }
    CHECK(domain.Record() != other.Record());
    LeaseCounter* const counter = domain.Record()->Counter(CounterId(7));
    REQUIRE(counter != nullptr);
    CHECK(counter->in == 0);
    counter->in = 1;
    CHECK(domain.Total(CounterId(7)).in == 1);
    CHECK(other.Total(CounterId(7)).in == 0);
  }
}

TEST_CASE("domains come and go under threads that outlive them", "[section][stress]") {
  std::atomic<SectionDomain*> shared{nullptr};
  std::atomic<int> round{0}, inside{0};
  std::atomic<bool> stop{false};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      int seen = 0;
      while (!stop) {
        const int now = round.load();
        if (now == seen) {
          std::this_thread::yield();
          continue;
        }
        seen = now;
        SectionDomain& domain = *shared.load();
        for (int n = 0; n < 100; ++n) const Section section(domain, *domain.Record());
        ++inside;
      }
    });
  }
  for (int i = 1; i <= 200; ++i) {
    auto domain = std::make_unique<SectionDomain>();
    shared = domain.get();
    inside = 0;
    round = i;
    while (inside != 2) domain->Grace();
    domain.reset();
  }
  stop = true;
  threads.clear();
  CHECK(round == 200);
}

}  // namespace
}  // namespace plugreload::internal
