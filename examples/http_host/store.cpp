#include "http_host/store.hpp"

#include <stdexcept>
#include <string_view>
#include <utility>

#ifdef EXAMPLE_ETCD
#include "plugreload/etcd.hpp"
#endif
#ifdef EXAMPLE_SQLITE
#include "plugreload/sqlite.hpp"
#endif

namespace example {
namespace {

using Store = std::shared_ptr<plugreload::StateStore>;

[[maybe_unused]] Store Opened(const std::string& text, plugreload::Result<Store> store) {
  if (!store.ok())
    throw std::invalid_argument("--store " + text + ": " + store.status().ToString());
  return *std::move(store);
}

#ifdef EXAMPLE_ETCD
Store OpenEtcd(const std::string& text, std::string_view endpoints) {
  plugreload::EtcdOptions options;
  while (!endpoints.empty()) {
    const std::size_t comma = endpoints.find(',');
    options.endpoints.emplace_back(endpoints.substr(0, comma));
    endpoints.remove_prefix(comma == std::string_view::npos ? endpoints.size() : comma + 1);
  }
  return Opened(text, plugreload::NewEtcdStore(std::move(options)));
}
#endif

#ifdef EXAMPLE_SQLITE
Store OpenSqlite(const std::string& text, const std::string& path) {
  plugreload::SqliteOptions options;
  options.path = path;
  return Opened(text, plugreload::NewSqliteStore(std::move(options)));
}
#endif

}  // namespace

std::string DefaultStore([[maybe_unused]] const std::string& directory) {
#ifdef EXAMPLE_SQLITE
  if (!directory.empty()) return "sqlite:" + directory + "/plugreload.db";
#endif
  return "memory";
}

Store OpenStore(const std::string& text) {
  if (text == "memory") return plugreload::NewMemoryStore();
#ifdef EXAMPLE_SQLITE
  if (text.starts_with("sqlite:")) return OpenSqlite(text, text.substr(7));
#endif
#ifdef EXAMPLE_ETCD
  if (text.starts_with("etcd:")) return OpenEtcd(text, std::string_view(text).substr(5));
#endif
  throw std::invalid_argument("--store " + text + ": this host was built without such a store");
}

}  // namespace example
