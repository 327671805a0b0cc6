// plugreload_mounts: the accessors of the list.
#include "handles.hpp"
#include "output.hpp"

using plugreload::MountEntry;
using plugreload::MountStatus;
using plugreload::capi::At;
using plugreload::capi::Count;
using plugreload::capi::Field;
using plugreload::capi::Out;
using plugreload::capi::ValueOf;
using plugreload::capi::Why;

namespace {

const plugreload_mounts::Item* Item(const plugreload_mounts* mounts, size_t index) {
  return At(Field(mounts, &plugreload_mounts::items), index);
}
const MountStatus* State(const plugreload_mounts* mounts, size_t index) {
  return Field(Item(mounts, index), &plugreload_mounts::Item::status);
}
const MountEntry* Entry(const plugreload_mounts* mounts, size_t index) {
  return Field(State(mounts, index), &MountStatus::mount);
}

}  // namespace

size_t plugreload_mounts_count(const plugreload_mounts* mounts) {
  return Count(Field(mounts, &plugreload_mounts::items));
}
const char* plugreload_mounts_namespace(const plugreload_mounts* mounts, size_t index,
                                        size_t* len) {
  return Out(Field(Entry(mounts, index), &MountEntry::ns), len);
}
const char* plugreload_mounts_path(const plugreload_mounts* mounts, size_t index, size_t* len) {
  return Out(Field(Entry(mounts, index), &MountEntry::path), len);
}
const char* plugreload_mounts_accessor(const plugreload_mounts* mounts, size_t index, size_t* len) {
  return Out(Field(Entry(mounts, index), &MountEntry::accessor), len);
}
const char* plugreload_mounts_plugin(const plugreload_mounts* mounts, size_t index, size_t* len) {
  return Out(Field(Entry(mounts, index), &MountEntry::plugin), len);
}
const char* plugreload_mounts_stored_version(const plugreload_mounts* mounts, size_t index,
                                             size_t* len) {
  return Out(Field(Entry(mounts, index), &MountEntry::version), len);
}
const char* plugreload_mounts_running_version(const plugreload_mounts* mounts, size_t index,
                                              size_t* len) {
  return Out(Field(State(mounts, index), &MountStatus::running_version), len);
}
const char* plugreload_mounts_instance(const plugreload_mounts* mounts, size_t index, size_t* len) {
  return Out(Field(State(mounts, index), &MountStatus::instance), len);
}
const char* plugreload_mounts_error(const plugreload_mounts* mounts, size_t index, size_t* len) {
  return Out(Field(Item(mounts, index), &plugreload_mounts::Item::error, &Why::message), len);
}
int32_t plugreload_mounts_type(const plugreload_mounts* mounts, size_t index) {
  return static_cast<int32_t>(ValueOf(Field(Entry(mounts, index), &MountEntry::type)));
}
int32_t plugreload_mounts_state(const plugreload_mounts* mounts, size_t index) {
  return static_cast<int32_t>(ValueOf(Field(State(mounts, index), &MountStatus::state)));
}
uint64_t plugreload_mounts_generation(const plugreload_mounts* mounts, size_t index) {
  return ValueOf(Field(State(mounts, index), &MountStatus::generation));
}
int64_t plugreload_mounts_pid(const plugreload_mounts* mounts, size_t index) {
  return ValueOf(Field(State(mounts, index), &MountStatus::pid));
}
void plugreload_mounts_free(plugreload_mounts* mounts) { delete mounts; }
