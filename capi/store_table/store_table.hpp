// store_table.hpp - a StateStore as plugreload_store_ops; compiled into each library of a store.
#ifndef PLUGRELOAD_CAPI_STORE_TABLE_STORE_TABLE_HPP_
#define PLUGRELOAD_CAPI_STORE_TABLE_STORE_TABLE_HPP_

#include <memory>
#include <utility>

#include "input.hpp"
#include "plugreload/plugreload.h"
#include "plugreload/status.hpp"
#include "plugreload/store.hpp"

namespace plugreload::capi {

// Fills the caller's table, as much of it as the caller's struct_size covers. `table` is only
// written when this succeeds.
Status FillTable(std::shared_ptr<StateStore> store, plugreload_store_ops* table);

// The error of a library that has none of its own: made and freed by libplugreload_c.so.
plugreload_code Fail(const Status& status, plugreload_error** error) noexcept;
plugreload_code FailWithException(plugreload_error** error) noexcept;

// Carries out the body of an exported function: body(Input&) -> Status.
template <typename Body>
plugreload_code Export(const char* what, plugreload_error** error, Body&& body) noexcept {
  if (error != nullptr) *error = nullptr;
  try {
    Input input(what);
    const Status status = std::forward<Body>(body)(input);
    return status.ok() ? PLUGRELOAD_OK : Fail(status, error);
  } catch (...) {
    return FailWithException(error);
  }
}

}  // namespace plugreload::capi

#endif  // PLUGRELOAD_CAPI_STORE_TABLE_STORE_TABLE_HPP_
