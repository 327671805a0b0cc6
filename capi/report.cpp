// plugreload_report: what a reload did.
#include "handles.hpp"
#include "output.hpp"

using plugreload::HeldLease;
using plugreload::MemberReport;
using plugreload::Millis;
using plugreload::MountEntry;
using plugreload::MountReport;
using plugreload::ReloadReport;
using plugreload::capi::At;
using plugreload::capi::Count;
using plugreload::capi::Field;
using plugreload::capi::Out;
using plugreload::capi::ValueOf;
using plugreload::capi::Why;

namespace {

const ReloadReport* Whole(const plugreload_report* report) {
  return Field(report, &plugreload_report::report);
}
const MountReport* Item(const plugreload_report* report, size_t index) {
  return At(Field(Whole(report), &ReloadReport::mounts), index);
}
const MountEntry* Entry(const plugreload_report* report, size_t index) {
  return Field(Item(report, index), &MountReport::mount);
}
const Why* Reason(const plugreload_report* report, size_t index) {
  return At(Field(report, &plugreload_report::why), index);
}
const HeldLease* Lease(const plugreload_report* report, size_t index, size_t lease) {
  return At(Field(Item(report, index), &MountReport::leases), lease);
}
int64_t Phase(const plugreload_report* report, size_t index, Millis MountReport::*phase) {
  return ValueOf(Field(Item(report, index), phase)).count();
}

const MemberReport* Member(const plugreload_report* report, size_t index) {
  return At(Field(Whole(report), &ReloadReport::members), index);
}

}  // namespace

const char* plugreload_report_id(const plugreload_report* report, size_t* len) {
  return Out(Field(Whole(report), &ReloadReport::reload_id), len);
}
const char* plugreload_report_joined(const plugreload_report* report, size_t* len) {
  return Out(Field(Whole(report), &ReloadReport::joined), len);
}
int32_t plugreload_report_state(const plugreload_report* report) {
  return static_cast<int32_t>(ValueOf(Field(Whole(report), &ReloadReport::state)));
}
int64_t plugreload_report_requested_at_ms(const plugreload_report* report) {
  return ValueOf(Field(Whole(report), &ReloadReport::requested_at_ms));
}
int64_t plugreload_report_finished_at_ms(const plugreload_report* report) {
  return ValueOf(Field(Whole(report), &ReloadReport::finished_at_ms));
}
size_t plugreload_report_reloaded_count(const plugreload_report* report) {
  return ValueOf(Field(Whole(report), &ReloadReport::reloaded));
}
size_t plugreload_report_failed_count(const plugreload_report* report) {
  return ValueOf(Field(Whole(report), &ReloadReport::failed));
}
size_t plugreload_report_skipped_count(const plugreload_report* report) {
  return ValueOf(Field(Whole(report), &ReloadReport::skipped));
}
void plugreload_report_free(plugreload_report* report) { delete report; }

size_t plugreload_report_count(const plugreload_report* report) {
  return Count(Field(Whole(report), &ReloadReport::mounts));
}
const char* plugreload_report_namespace(const plugreload_report* report, size_t index,
                                        size_t* len) {
  return Out(Field(Entry(report, index), &MountEntry::ns), len);
}
const char* plugreload_report_path(const plugreload_report* report, size_t index, size_t* len) {
  return Out(Field(Entry(report, index), &MountEntry::path), len);
}
const char* plugreload_report_plugin(const plugreload_report* report, size_t index, size_t* len) {
  return Out(Field(Entry(report, index), &MountEntry::plugin), len);
}
const char* plugreload_report_previous_version(const plugreload_report* report, size_t index,
                                               size_t* len) {
  return Out(Field(Item(report, index), &MountReport::previous_version), len);
}
const char* plugreload_report_running_version(const plugreload_report* report, size_t index,
                                              size_t* len) {
  return Out(Field(Item(report, index), &MountReport::running_version), len);
}
const char* plugreload_report_instance(const plugreload_report* report, size_t index, size_t* len) {
  return Out(Field(Item(report, index), &MountReport::instance), len);
}
const char* plugreload_report_reason(const plugreload_report* report, size_t index, size_t* len) {
  return Out(Field(Reason(report, index), &Why::reason), len);
}
const char* plugreload_report_message(const plugreload_report* report, size_t index, size_t* len) {
  return Out(Field(Reason(report, index), &Why::message), len);
}
int32_t plugreload_report_outcome(const plugreload_report* report, size_t index) {
  return static_cast<int32_t>(ValueOf(Field(Item(report, index), &MountReport::outcome)));
}
plugreload_code plugreload_report_code(const plugreload_report* report, size_t index) {
  return ValueOf(Field(Reason(report, index), &Why::code));
}
int32_t plugreload_report_sealed(const plugreload_report* report, size_t index) {
  return ValueOf(Field(Item(report, index), &MountReport::sealed)) ? 1 : 0;
}
uint64_t plugreload_report_previous_generation(const plugreload_report* report, size_t index) {
  return ValueOf(Field(Item(report, index), &MountReport::previous_generation));
}
uint64_t plugreload_report_generation(const plugreload_report* report, size_t index) {
  return ValueOf(Field(Item(report, index), &MountReport::generation));
}
int64_t plugreload_report_draining(const plugreload_report* report, size_t index) {
  return ValueOf(Field(Item(report, index), &MountReport::draining));
}
int64_t plugreload_report_prepare_ms(const plugreload_report* report, size_t index) {
  return Phase(report, index, &MountReport::prepare);
}
int64_t plugreload_report_commit_us(const plugreload_report* report, size_t index) {
  return ValueOf(Field(Item(report, index), &MountReport::commit_us));
}
int64_t plugreload_report_drain_ms(const plugreload_report* report, size_t index) {
  return Phase(report, index, &MountReport::drain);
}
int64_t plugreload_report_retire_ms(const plugreload_report* report, size_t index) {
  return Phase(report, index, &MountReport::retire);
}

size_t plugreload_report_lease_count(const plugreload_report* report, size_t index) {
  return Count(Field(Item(report, index), &MountReport::leases));
}
const char* plugreload_report_lease_tag(const plugreload_report* report, size_t index, size_t lease,
                                        size_t* len) {
  return Out(Field(Lease(report, index, lease), &HeldLease::tag), len);
}
int64_t plugreload_report_lease_age_ms(const plugreload_report* report, size_t index,
                                       size_t lease) {
  return ValueOf(Field(Lease(report, index, lease), &HeldLease::age)).count();
}

size_t plugreload_report_member_count(const plugreload_report* report) {
  return Count(Field(Whole(report), &ReloadReport::members));
}
const char* plugreload_report_member_node(const plugreload_report* report, size_t index,
                                          size_t* len) {
  return Out(Field(Member(report, index), &MemberReport::node), len);
}
const char* plugreload_report_member_name(const plugreload_report* report, size_t index,
                                          size_t* len) {
  return Out(Field(Member(report, index), &MemberReport::member), len);
}
const char* plugreload_report_member_error(const plugreload_report* report, size_t index,
                                           size_t* len) {
  return Out(Field(Member(report, index), &MemberReport::error), len);
}
int32_t plugreload_report_member_state(const plugreload_report* report, size_t index) {
  return static_cast<int32_t>(ValueOf(Field(Member(report, index), &MemberReport::state)));
}
int32_t plugreload_report_member_by_start(const plugreload_report* report, size_t index) {
  return ValueOf(Field(Member(report, index), &MemberReport::by_start)) ? 1 : 0;
}
size_t plugreload_report_member_reloaded_count(const plugreload_report* report, size_t index) {
  return ValueOf(Field(Member(report, index), &MemberReport::reloaded));
}
size_t plugreload_report_member_failed_count(const plugreload_report* report, size_t index) {
  return ValueOf(Field(Member(report, index), &MemberReport::failed));
}
