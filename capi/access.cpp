// plugreload_access: a dispatched call as the authoriser sees it.
#include "handles.hpp"
#include "output.hpp"

using plugreload::capi::Field;
using plugreload::capi::Out;

int32_t plugreload_access_operation(const plugreload_access* access) {
  return access == nullptr ? PLUGRELOAD_OPERATION_READ : access->operation;
}
const char* plugreload_access_namespace(const plugreload_access* access, size_t* len) {
  return Out(Field(access, &plugreload_access::ns), len);
}
const char* plugreload_access_path(const plugreload_access* access, size_t* len) {
  return Out(Field(access, &plugreload_access::path), len);
}
const char* plugreload_access_token(const plugreload_access* access, size_t* len) {
  return Out(Field(access, &plugreload_access::token), len);
}
const char* plugreload_access_remote(const plugreload_access* access, size_t* len) {
  return Out(Field(access, &plugreload_access::remote), len);
}
