#include "cluster/bell.hpp"

#include <future>
#include <memory>
#include <string>

#include "plugreload/store.hpp"
#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

constexpr Millis kSoon{20'000};

struct Rung {
  std::shared_ptr<StateStore> store = NewMemoryStore();
  std::unique_ptr<Applier> applier = *Applier::Open(store, {}, After(kSoon));
  Bell bell{store, "cluster/", applier.get()};

  void Put(const std::string& key) {
    const Change change{key, "x", std::nullopt, false};
    REQUIRE(store->Commit({&change, 1}, After(kSoon)).ok());
  }
};

using Woken = Bell::Woken;

TEST_CASE("a bell wakes who listens for a key, by what comes behind the mark", "[cluster]") {
  Rung rung;
  Bell::Ear one(rung.bell, "cluster/one/"), two(rung.bell, "cluster/two/");
  one.Mark();
  two.Mark();
  rung.Put("cluster/one/key");
  CHECK(one.Await(After(kSoon)) == Woken::kByBell);
  CHECK(two.Await(After(Millis(0))) == Woken::kLate);
  rung.Put("cluster/two/key");
  CHECK(two.Await(After(kSoon)) == Woken::kByBell);
  one.Mark();
  CHECK(one.Await(After(Millis(0))) == Woken::kLate);
  rung.Put("cluster/one/other");
  CHECK(one.Await(After(kSoon)) == Woken::kByBell);
}

TEST_CASE("a bell that is closed wakes everybody, and hangs no more", "[cluster]") {
  Rung rung;
  Bell::Ear ear(rung.bell, "cluster/");
  auto waiting = std::async(std::launch::async, [&] { return ear.Await(After(kSoon)); });
  rung.bell.Close();
  CHECK(waiting.get() == Woken::kClosed);
  ear.Mark();
  CHECK(ear.Await(After(kSoon)) == Woken::kClosed);
}

}  // namespace
}  // namespace plugreload::internal
