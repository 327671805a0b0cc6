// fuzz/harness.hpp - what the fuzz targets share: a runtime that is filled, and what must hold for
// every answer. Whatever does not hold ends in abort, which the fuzzer takes for a finding.
#ifndef PLUGRELOAD_TESTS_FUZZ_HARNESS_HPP_
#define PLUGRELOAD_TESTS_FUZZ_HARNESS_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "fuzz/history.hpp"
#include "plugreload/runtime.hpp"

namespace plugreload::fuzz {

// Prints what was expected and what came, and aborts.
[[noreturn]] void Fail(std::string_view what, const Request& request, const Response& response);

// secret/kv in two versions, auth/ldap, database/pg; the namespaces team/, team/a/ and other/ with
// mounts of them. Plugins are objects of the process, started by no more than a call.
//
// Thread safety: one thread.
class World {
 public:
  // kSealed: full, but what would be changed is refused where it would be committed or queued, so
  // that no input has to wait for another thread. kTold and kMembers: full, with a history
  // (history.hpp), of one runtime and of two members of a store; for what only reads.
  enum class Fill { kFull, kEmpty, kSealed, kTold, kMembers };
  explicit World(Fill fill = Fill::kFull);
  ~World();

  // Before each input: when much has been changed by now, everything begins anew, so that the state
  // stays small.
  void Begin();
  // The answer, after everything that holds for every answer was checked.
  Response Call(const Request& request);
  Runtime& runtime() { return *runtime_; }

 private:
  void Renew();
  RuntimeOptions Options();
  void Populate();
  void Must(const char* method, const char* target, const char* body, const char* ns);

  const Fill fill_;
  unsigned writes_ = 0;
  bool sealed_ = false;
  Starter starter_, starter_of_other_;
  std::unique_ptr<Runtime> runtime_, other_;
  PluginLease lease_;
};

// The two worlds that have a history: for what changes nothing.
World& Told();
World& Members();

// The full world for one input of 64, chosen by what is in it, else the sealed one: ten millions of
// inputs take hours if all of them start and stop what they name.
World& Choose(const std::uint8_t* data, std::size_t size);

// The text up to and without the next newline; the rest stays.
std::string TakeLine(std::string_view& text);

}  // namespace plugreload::fuzz

#endif  // PLUGRELOAD_TESTS_FUZZ_HARNESS_HPP_
