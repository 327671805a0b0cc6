// plugreload_access and plugreload_audit: a dispatched call before and after.
#include "handles.hpp"
#include "output.hpp"

using plugreload::capi::At;
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
const char* plugreload_access_endpoint(const plugreload_access* access, size_t* len) {
  return Out(Field(access, &plugreload_access::endpoint), len);
}
int32_t plugreload_access_unauthenticated(const plugreload_access* access) {
  return access != nullptr && access->unauthenticated ? 1 : 0;
}
int32_t plugreload_access_plugin_type(const plugreload_access* access) {
  return access == nullptr ? 0 : access->plugin_type;
}
const char* plugreload_access_plugin(const plugreload_access* access, size_t* len) {
  return Out(Field(access, &plugreload_access::plugin), len);
}
size_t plugreload_access_mount_count(const plugreload_access* access) {
  return access == nullptr ? 0 : access->mounts.size();
}
const char* plugreload_access_mount(const plugreload_access* access, size_t index, size_t* len) {
  return Out(At(Field(access, &plugreload_access::mounts), index), len);
}

const plugreload_access* plugreload_audit_access(const plugreload_audit* audit) {
  return audit == nullptr ? nullptr : &audit->access;
}
const char* plugreload_audit_request_id(const plugreload_audit* audit, size_t* len) {
  return Out(Field(audit, &plugreload_audit::request_id), len);
}
const char* plugreload_audit_method(const plugreload_audit* audit, size_t* len) {
  return Out(Field(audit, &plugreload_audit::method), len);
}
const char* plugreload_audit_caller(const plugreload_audit* audit, size_t* len) {
  return Out(Field(audit, &plugreload_audit::caller), len);
}
const char* plugreload_audit_reload_id(const plugreload_audit* audit, size_t* len) {
  return Out(Field(audit, &plugreload_audit::reload_id), len);
}
int32_t plugreload_audit_allowed(const plugreload_audit* audit) {
  return audit != nullptr && audit->allowed ? 1 : 0;
}
int32_t plugreload_audit_status(const plugreload_audit* audit) {
  return audit == nullptr ? 0 : audit->status;
}
int64_t plugreload_audit_duration_us(const plugreload_audit* audit) {
  return audit == nullptr ? 0 : audit->duration_us;
}
size_t plugreload_audit_error_count(const plugreload_audit* audit) {
  return audit == nullptr ? 0 : audit->errors.size();
}
const char* plugreload_audit_error(const plugreload_audit* audit, size_t index, size_t* len) {
  return Out(At(Field(audit, &plugreload_audit::errors), index), len);
}
