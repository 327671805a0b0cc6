#include "reload/slot.hpp"

#include <vector>

#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

using enum MountState;

bool Goes(MountState from, MountState to) {
  Slot slot;
  slot.state = from;
  const bool entered = slot.Enter(to);
  CHECK(slot.state == (entered ? to : from));
  CHECK(slot.incident == (entered ? 1U : 0U));
  return entered;
}

TEST_CASE("a removed slot stays removed", "[reload]") {
  for (const auto to : {kIdle, kStarting, kServing, kHeld, kRestarting, kFailed, kRemoved}) {
    CHECK_FALSE(Goes(kRemoved, to));
  }
}

TEST_CASE("every state can be removed and nothing goes back to idle", "[reload]") {
  for (const auto from : {kIdle, kStarting, kServing, kHeld, kRestarting, kFailed}) {
    CHECK(Goes(from, kRemoved));
    CHECK_FALSE(Goes(from, kIdle));
  }
}

TEST_CASE("a reload brings a failed slot back and a held one may fail", "[reload]") {
  CHECK(Goes(kFailed, kServing));
  CHECK(Goes(kFailed, kHeld));
  CHECK(Goes(kHeld, kServing));
  CHECK(Goes(kHeld, kFailed));
  CHECK(Goes(kHeld, kRestarting));
  CHECK_FALSE(Goes(kIdle, kHeld));
}

TEST_CASE("serving anew forgets the last error", "[reload]") {
  Slot slot;
  slot.state = kRestarting;
  slot.error = Status(Code::kUnavailable, "exited", "it ended");
  REQUIRE(slot.Enter(kServing));
  CHECK(slot.error.ok());
}

}  // namespace
}  // namespace plugreload::internal
