// launch_spec.hpp - plugreload_launch as the launcher of C++ takes it.
#ifndef PLUGRELOAD_CAPI_GOPLUGIN_LAUNCH_SPEC_HPP_
#define PLUGRELOAD_CAPI_GOPLUGIN_LAUNCH_SPEC_HPP_

#include <stop_token>

#include "plugreload/launcher.hpp"
#include "plugreload/plugreload.h"

namespace plugreload::capi {

LaunchSpec SpecOf(const plugreload_launch* launch);

// The deadline and the cancelling of a launch, while it lives.
class LaunchTime {
 public:
  explicit LaunchTime(plugreload_launch* launch);
  ~LaunchTime();
  LaunchTime(const LaunchTime&) = delete;
  LaunchTime& operator=(const LaunchTime&) = delete;

  StartContext context() const;

 private:
  plugreload_launch* const launch_;
  std::stop_source cancel_;
};

// Tells the engine why, and gives the code to return.
plugreload_code Refuse(plugreload_launch* launch, const Status& status);

}  // namespace plugreload::capi

#endif  // PLUGRELOAD_CAPI_GOPLUGIN_LAUNCH_SPEC_HPP_
