#include "reload/slot.hpp"

#include <memory>
#include <utility>
#include <vector>

#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

using enum MountState;

bool Goes(MountState from, MountState to) {
  const auto cells = std::make_shared<SlotCells>();
  Slot slot(cells);
  slot.state = from;
  const bool entered = slot.Enter(to);
  CHECK(slot.state == (entered ? to : from));
  CHECK(slot.incident == (entered ? 1U : 0U));
  return entered;
}

TEST_CASE("the cell of a slot that is gone is the next one's, and empty", "[reload]") {
  const auto cells = std::make_shared<SlotCells>();
  Generation generation;
  void* first = nullptr;
  {
    const Slot slot(cells);
    slot.current().store(&generation);
    first = slot.cell;
  }
  const Slot next(cells);
  CHECK(next.cell == first);
  CHECK(next.current().load() == nullptr);
  const Slot other(cells);
  CHECK(other.cell != first);
}

TEST_CASE("a slot keeps the cells that its own came from", "[reload]") {
  auto cells = std::make_shared<SlotCells>();
  const std::weak_ptr<SlotCells> there = cells;
  auto slot = std::make_shared<Slot>(std::move(cells));
  REQUIRE_FALSE(there.expired());
  CHECK(slot->current().load() == nullptr);
  slot.reset();
  CHECK(there.expired());
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
  const auto cells = std::make_shared<SlotCells>();
  Slot slot(cells);
  slot.state = kRestarting;
  slot.error = Status(Code::kUnavailable, "exited", "it ended");
  REQUIRE(slot.Enter(kServing));
  CHECK(slot.error.ok());
}

}  // namespace
}  // namespace plugreload::internal
