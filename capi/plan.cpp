// plugreload_plan: what a reload would do.
#include "handles.hpp"
#include "output.hpp"

using plugreload::MountEntry;
using plugreload::ReloadPlan;
using plugreload::capi::At;
using plugreload::capi::Count;
using plugreload::capi::Field;
using plugreload::capi::Out;
using plugreload::capi::ValueOf;
using plugreload::capi::Why;

namespace {

const ReloadPlan* Whole(const plugreload_plan* plan) { return Field(plan, &plugreload_plan::plan); }
const ReloadPlan::Item* Item(const plugreload_plan* plan, size_t index) {
  return At(Field(Whole(plan), &ReloadPlan::items), index);
}
const MountEntry* Entry(const plugreload_plan* plan, size_t index) {
  return Field(Item(plan, index), &ReloadPlan::Item::mount);
}
const Why* Reason(const plugreload_plan* plan, size_t index) {
  return At(Field(plan, &plugreload_plan::why), index);
}
const MountEntry* Neighbour(const plugreload_plan* plan, size_t index) {
  return At(Field(Whole(plan), &ReloadPlan::neighbours), index);
}

}  // namespace

size_t plugreload_plan_process_count(const plugreload_plan* plan) {
  return ValueOf(Field(Whole(plan), &ReloadPlan::processes));
}
size_t plugreload_plan_count(const plugreload_plan* plan) {
  return Count(Field(Whole(plan), &ReloadPlan::items));
}
const char* plugreload_plan_namespace(const plugreload_plan* plan, size_t index, size_t* len) {
  return Out(Field(Entry(plan, index), &MountEntry::ns), len);
}
const char* plugreload_plan_path(const plugreload_plan* plan, size_t index, size_t* len) {
  return Out(Field(Entry(plan, index), &MountEntry::path), len);
}
const char* plugreload_plan_running_version(const plugreload_plan* plan, size_t index,
                                            size_t* len) {
  return Out(Field(Item(plan, index), &ReloadPlan::Item::running_version), len);
}
const char* plugreload_plan_target_version(const plugreload_plan* plan, size_t index, size_t* len) {
  return Out(Field(Item(plan, index), &ReloadPlan::Item::target_version), len);
}
const char* plugreload_plan_message(const plugreload_plan* plan, size_t index, size_t* len) {
  return Out(Field(Reason(plan, index), &Why::message), len);
}
plugreload_code plugreload_plan_code(const plugreload_plan* plan, size_t index) {
  return ValueOf(Field(Reason(plan, index), &Why::code));
}
size_t plugreload_plan_process(const plugreload_plan* plan, size_t index) {
  return ValueOf(Field(Item(plan, index), &ReloadPlan::Item::process));
}
int32_t plugreload_plan_order(const plugreload_plan* plan, size_t index) {
  const ReloadPlan::Item* item = Item(plan, index);
  if (item == nullptr) return PLUGRELOAD_ORDER_DEFAULT;
  return item->order == plugreload::Order::kStopFirst ? PLUGRELOAD_ORDER_STOP_FIRST
                                                      : PLUGRELOAD_ORDER_START_FIRST;
}
int32_t plugreload_plan_would_skip(const plugreload_plan* plan, size_t index) {
  return ValueOf(Field(Item(plan, index), &ReloadPlan::Item::would_skip)) ? 1 : 0;
}
size_t plugreload_plan_neighbour_count(const plugreload_plan* plan) {
  return Count(Field(Whole(plan), &ReloadPlan::neighbours));
}
const char* plugreload_plan_neighbour_namespace(const plugreload_plan* plan, size_t index,
                                                size_t* len) {
  return Out(Field(Neighbour(plan, index), &MountEntry::ns), len);
}
const char* plugreload_plan_neighbour_path(const plugreload_plan* plan, size_t index, size_t* len) {
  return Out(Field(Neighbour(plan, index), &MountEntry::path), len);
}
void plugreload_plan_free(plugreload_plan* plan) { delete plan; }
