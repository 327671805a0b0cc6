// The C face of NewEtcdStore.
#include "plugreload/etcd.hpp"
#include "plugreload/plugreload_etcd.h"
#include "store_table/store_table.hpp"

using plugreload::EtcdOptions;
using plugreload::Status;
using plugreload::capi::Export;
using plugreload::capi::Input;

plugreload_code plugreload_etcd_store(const plugreload_etcd_options* options,
                                      plugreload_store_ops* store, plugreload_error** error) {
  return Export(__func__, error, [&](Input& input) -> Status {
    const auto given = input.Copy(options, "options");
    EtcdOptions converted;
    converted.endpoints =
        input.Texts(given.endpoints, given.endpoint_lens, given.endpoint_count, "endpoints");
    converted.ca = input.Text(given.ca, given.ca_len, "ca");
    converted.certificate = input.Text(given.certificate, given.certificate_len, "certificate");
    converted.key = input.Text(given.key, given.key_len, "key");
    converted.server_name = input.Text(given.server_name, given.server_name_len, "server_name");
    converted.user = input.Text(given.user, given.user_len, "user");
    converted.password = input.Text(given.password, given.password_len, "password");
    if (auto prefix = input.Maybe(given.prefix, given.prefix_len, "prefix")) {
      converted.prefix = *std::move(prefix);
    }
    input.Time(given.try_timeout_ms, Input::Negative::kRefused, "try_timeout_ms",
               &converted.try_timeout);
    input.Require(store, "store");
    if (!input.status().ok()) return input.status();
    auto opened = plugreload::NewEtcdStore(std::move(converted));
    if (!opened.ok()) return opened.status();
    return plugreload::capi::FillTable(*std::move(opened), store);
  });
}
