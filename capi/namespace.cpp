// Namespaces, and the list of them.
#include <memory>
#include <utility>

#include "guard.hpp"
#include "handles.hpp"
#include "input.hpp"
#include "output.hpp"

using plugreload::Code;
using plugreload::NamespaceInfo;
using plugreload::Runtime;
using plugreload::Status;
using plugreload::capi::At;
using plugreload::capi::Call;
using plugreload::capi::Count;
using plugreload::capi::Field;
using plugreload::capi::Input;
using plugreload::capi::Out;
using plugreload::capi::Rule;

plugreload_code plugreload_namespace_create(plugreload_engine* engine, const char* ns,
                                            size_t ns_len, int64_t timeout_ms,
                                            plugreload_error** error) {
  const char* what = __func__;
  return Call(engine, Rule::kNoCallback, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    const std::string_view path = input.View(ns, ns_len, "ns");
    const auto deadline = input.Until(timeout_ms);
    if (!input.status().ok()) return input.status();
    return runtime.namespaces().Create(path, {}, deadline);
  });
}

plugreload_code plugreload_namespace_remove(plugreload_engine* engine, const char* ns,
                                            size_t ns_len, int64_t timeout_ms,
                                            plugreload_error** error) {
  const char* what = __func__;
  return Call(engine, Rule::kNoCallback, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    const std::string_view path = input.View(ns, ns_len, "ns");
    const auto deadline = input.Until(timeout_ms);
    if (!input.status().ok()) return input.status();
    return runtime.namespaces().Remove(path, deadline);
  });
}

plugreload_code plugreload_namespace_list(plugreload_engine* engine, const char* ns, size_t ns_len,
                                          plugreload_namespaces** namespaces,
                                          plugreload_error** error) {
  if (namespaces != nullptr) *namespaces = nullptr;
  const char* what = __func__;
  return Call(engine, Rule::kAny, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    const std::string_view path = input.View(ns, ns_len, "ns");
    input.Require(namespaces, "namespaces");
    if (!input.status().ok()) return input.status();
    if (!runtime.namespaces().Find(path)) {
      return Status(Code::kNotFound, "namespace_not_found",
                    "there is no namespace \"" + std::string(path) + "\" to list");
    }
    auto list = std::make_unique<plugreload_namespaces>();
    list->items = runtime.namespaces().List(path, plugreload::Depth::kSubtree);
    *namespaces = list.release();
    return {};
  });
}

size_t plugreload_namespaces_count(const plugreload_namespaces* namespaces) {
  return Count(Field(namespaces, &plugreload_namespaces::items));
}

const char* plugreload_namespaces_path(const plugreload_namespaces* namespaces, size_t index,
                                       size_t* len) {
  return Out(
      Field(At(Field(namespaces, &plugreload_namespaces::items), index), &NamespaceInfo::path),
      len);
}

void plugreload_namespaces_free(plugreload_namespaces* namespaces) { delete namespaces; }
