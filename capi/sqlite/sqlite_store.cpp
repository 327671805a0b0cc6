// The C face of NewSqliteStore.
#include "plugreload/plugreload_sqlite.h"
#include "plugreload/sqlite.hpp"
#include "store_table/store_table.hpp"

using plugreload::SqliteOptions;
using plugreload::Status;
using plugreload::capi::Export;
using plugreload::capi::Input;

plugreload_code plugreload_sqlite_store(const plugreload_sqlite_options* options,
                                        plugreload_store_ops* store, plugreload_error** error) {
  return Export(__func__, error, [&](Input& input) -> Status {
    const auto given = input.Copy(options, "options");
    SqliteOptions converted;
    converted.path = input.Text(given.path, given.path_len, "path");
    input.Limit(given.history, &converted.history);
    input.Limit(given.history_bytes, &converted.history_bytes);
    input.Time(given.open_timeout_ms, Input::Negative::kRefused, "open_timeout_ms",
               &converted.open_timeout);
    input.Require(store, "store");
    if (!input.status().ok()) return input.status();
    auto opened = plugreload::NewSqliteStore(std::move(converted));
    if (!opened.ok()) return opened.status();
    return plugreload::capi::FillTable(*std::move(opened), store);
  });
}
