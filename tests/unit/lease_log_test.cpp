#include "reload/lease_log.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

TEST_CASE("a noted lease is listed until it is forgotten, and its counter comes back", "[reload]") {
  LeaseLog log;
  Generation a, b;
  LeaseCounter counter;
  LeaseCounter* const first = log.Note(&a, &counter, &a);
  LeaseCounter* const second = log.Note(&a, nullptr, &b);
  LeaseCounter* const other = log.Note(&b, &counter, &a);
  CHECK(LeaseLog::IsNoted(first));
  CHECK_FALSE(LeaseLog::IsNoted(&counter));
  CHECK_FALSE(LeaseLog::IsNoted(nullptr));
  LeaseLog::Tag(first, "one");
  LeaseLog::Tag(other, std::string(65, 'x'));
  const auto held = log.Of(&a, 10);
  REQUIRE(held.size() == 2);
  CHECK(held[0].age >= held[1].age);
  CHECK(log.Of(&a, 1).size() == 1);
  CHECK(log.Of(&b, 10)[0].tag == std::string(64, 'x'));
  CHECK(LeaseLog::Forget(first) == &counter);
  CHECK(LeaseLog::Forget(second) == nullptr);
  CHECK(log.Of(&a, 10).empty());
  CHECK(LeaseLog::Forget(other) == &counter);
}

TEST_CASE("leases are noted, tagged and forgotten by many threads while they are listed",
          "[reload]") {
  LeaseLog log;
  Generation generation;
  LeaseCounter counter;
  std::atomic<int> running{4};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      std::vector<LeaseCounter*> held;
      for (int round = 0; round < 2000; ++round) {
        held.push_back(log.Note(&generation, &counter, &held));
        LeaseLog::Tag(held.back(), std::to_string(i));
        if (held.size() < 8) continue;
        for (LeaseCounter* noted : held) LeaseLog::Forget(noted);
        held.clear();
      }
      for (LeaseCounter* noted : held) LeaseLog::Forget(noted);
      --running;
    });
  }
  while (running > 0) CHECK(log.Of(&generation, 100).size() <= 4 * 8);
  for (std::thread& thread : threads) thread.join();
  CHECK(log.Of(&generation, 100).empty());
}

}  // namespace
}  // namespace plugreload::internal
