#include "base/workers.hpp"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/no_threads.hpp"

namespace plugreload::internal {
namespace {

Deadline Soon() { return After(Millis(10'000)); }

// How often each of these threads was switched away from.
std::string Switches(const std::vector<pid_t>& threads) {
  std::string all;
  for (const pid_t thread : threads) {
    std::ifstream status("/proc/self/task/" + std::to_string(thread) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.find("ctxt_switches") != std::string::npos) all += line + "\n";
    }
  }
  return all;
}

TEST_CASE("workers run every task on at most as many threads as allowed", "[base]") {
  Workers workers("test", 2);
  std::atomic<int> now{0}, most{0}, done{0};
  for (int i = 0; i < 200; ++i) {
    REQUIRE(workers.Post([&] {
      const int running = ++now;
      for (int seen = most; running > seen && !most.compare_exchange_weak(seen, running);) {
      }
      --now;
      ++done;
    }));
  }
  REQUIRE(workers.Finish(Soon()));
  CHECK(done == 200);
  CHECK(most <= 2);
}

TEST_CASE("a task behind an overdue one gets a thread of its own", "[base]") {
  Workers workers("test", 1);
  std::promise<void> release, second;
  workers.Post([&] { release.get_future().wait(); });
  workers.Post([&] { second.set_value(); });
  auto ran = second.get_future();
  CHECK(ran.wait_for(Millis(20)) == std::future_status::timeout);
  {
    const Workers::Overdue overdue(workers);
    CHECK(ran.wait_for(Millis(10'000)) == std::future_status::ready);
  }
  release.set_value();
  CHECK(workers.Finish(Soon()));
}

TEST_CASE("where no thread is to be had those that are do the work", "[base]") {
  Workers workers("test", 4);
  std::atomic<int> ran{0};
  {
    const test::NoThreads none;
    for (int i = 0; i < 20; ++i) CHECK(workers.Post([&] { ++ran; }));
    const Workers::Overdue overdue(workers);
    CHECK_THROWS_AS(Workers("test", 1), std::system_error);
  }
  CHECK(workers.Finish(Soon()));
  CHECK(ran == 20);
}

TEST_CASE("closing drops what waits and says when something still runs", "[base]") {
  Workers workers("test", 1);
  std::promise<void> started, release;
  auto gate = release.get_future();
  bool dropped_ran = false;
  workers.Post([&] {
    started.set_value();
    gate.wait();
  });
  REQUIRE(started.get_future().wait_for(Millis(10'000)) == std::future_status::ready);
  workers.Post([&] { dropped_ran = true; });
  CHECK_FALSE(workers.Close(After(Millis(10))));
  CHECK_FALSE(workers.Post([] {}));
  release.set_value();
  CHECK(workers.Close(Soon()));
  CHECK_FALSE(dropped_ran);
}

TEST_CASE("a pool whose last owner is one of its own tasks ends without joining itself", "[base]") {
  std::promise<void> gone;
  auto workers = std::make_shared<Workers>("test", 1);
  auto tell = std::shared_ptr<void>(nullptr, [&gone](void*) { gone.set_value(); });
  workers->Post([owner = workers, tell = std::move(tell)]() mutable { owner.reset(); });
  workers.reset();
  CHECK(gone.get_future().wait_for(Millis(10'000)) == std::future_status::ready);
}

TEST_CASE("a pool ends at any moment of its threads' ends", "[base]") {
  std::promise<void> gone;
  // Of every task, run or dropped.
  auto held = std::shared_ptr<std::atomic<int>>(new std::atomic<int>(0), [&gone](auto* ran) {
    delete ran;
    gone.set_value();
  });
  for (int i = 0; i < 5'000; ++i) {
    Workers workers("test", 2);
    for (int task = 0; task < 2; ++task) workers.Post([held] { ++*held; });
    for (int spin = 0; spin < i % 50 * 20; ++spin) held->load();
  }
  held.reset();
  CHECK(gone.get_future().wait_for(Millis(10'000)) == std::future_status::ready);
}

TEST_CASE("idle workers sleep", "[base]") {
  constexpr int kThreads = 4;
  Workers workers("test", kThreads);
  std::promise<void> release;
  std::shared_future<void> gate = release.get_future().share();
  std::mutex mutex;
  std::vector<pid_t> threads;
  std::promise<void> all;
  for (int i = 0; i < kThreads; ++i) {
    workers.Post([&] {
      {
        const std::lock_guard lock(mutex);
        threads.push_back(gettid());
        if (threads.size() == kThreads) all.set_value();
      }
      gate.wait();
    });
  }
  REQUIRE(all.get_future().wait_for(Millis(10'000)) == std::future_status::ready);
  release.set_value();
  std::string before, now = Switches(threads);
  REQUIRE_FALSE(now.empty());
  const Deadline deadline = Soon();
  do {
    // lint: allow-sleep a thread that goes on sleeping is no event; the deadline ends it
    std::this_thread::sleep_for(Millis(50));
    before = std::exchange(now, Switches(threads));
  } while (now != before && std::chrono::steady_clock::now() < deadline);
  CHECK(now == before);  // threads that wake each other are switched to again and again
  CHECK(workers.Finish(Soon()));
}

}  // namespace
}  // namespace plugreload::internal
