#include "base/timers.hpp"

#include <future>
#include <memory>
#include <utility>

#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

constexpr Millis kLong{60'000};

TEST_CASE("a timer calls its function, the earlier one first", "[base]") {
  Timers timers;
  std::promise<void> called;
  timers.At(After(kLong), [] {});
  timers.At(After(Millis(1)), [&] { called.set_value(); });
  CHECK(called.get_future().wait_for(kLong) == std::future_status::ready);
  CHECK(timers.pending() == 1);
}

TEST_CASE("an alarm that ends takes its function and what that holds with it", "[base]") {
  Timers timers;
  const auto held = std::make_shared<int>(0);
  {
    const Timers::Alarm alarm = timers.AlarmAt(After(kLong), [held] {});
    CHECK(timers.pending() == 1);
    CHECK(held.use_count() == 2);
  }
  CHECK(timers.pending() == 0);
  CHECK(held.use_count() == 1);
}

TEST_CASE("an alarm may outlive its timers", "[base]") {
  auto timers = std::make_unique<Timers>();
  const Timers::Alarm alarm = timers->AlarmAt(After(kLong), [] {});
  timers.reset();
}

}  // namespace
}  // namespace plugreload::internal
