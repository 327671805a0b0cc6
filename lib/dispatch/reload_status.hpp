// dispatch/reload_status.hpp - the endpoint that tells how a reload went.
#ifndef PLUGRELOAD_DISPATCH_RELOAD_STATUS_HPP_
#define PLUGRELOAD_DISPATCH_RELOAD_STATUS_HPP_

#include "dispatch/route.hpp"

namespace plugreload::internal {

Route ReloadStatusRoute();

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_DISPATCH_RELOAD_STATUS_HPP_
