// dispatch/reload_control.hpp - what Vault has no endpoints for: cancel, roll back, what runs
// where.
#ifndef PLUGRELOAD_DISPATCH_RELOAD_CONTROL_HPP_
#define PLUGRELOAD_DISPATCH_RELOAD_CONTROL_HPP_

#include "dispatch/route.hpp"

namespace plugreload::internal {

Route CancelRoute();
Route RollbackRoute();
Route RunningRoute();

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_DISPATCH_RELOAD_CONTROL_HPP_
