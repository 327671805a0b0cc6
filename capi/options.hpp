// options.hpp - plugreload_options as RuntimeOptions.
#ifndef PLUGRELOAD_CAPI_OPTIONS_HPP_
#define PLUGRELOAD_CAPI_OPTIONS_HPP_

#include <memory>

#include "input.hpp"
#include "plugreload/plugreload.h"
#include "plugreload/runtime.hpp"
#include "session.hpp"

namespace plugreload::capi {

// Everything but the tables.
RuntimeOptions ConvertOptions(const plugreload_options& given, Input& input);

// Takes the host's tables over, so that each destroy runs whatever comes later; of a table that it
// refuses, at once.
void TakeTables(const plugreload_options& given, const std::shared_ptr<Session>& session,
                Input& input, RuntimeOptions* options);
// The same when there is no session to use them with: runs each destroy.
void DropTables(const plugreload_options& given);

}  // namespace plugreload::capi

#endif  // PLUGRELOAD_CAPI_OPTIONS_HPP_
