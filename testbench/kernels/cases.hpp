// Networks, recipes and hardware for the tests of the lowering.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "kernels/program.hpp"
#include "model/io/error.hpp"
#include "model/io/traces.hpp"

namespace bitloom::testing_cases {

inline constexpr std::uint32_t kMu16 = 58982;

inline Network named_network(const std::string& name) { return read_network(resolve_trace(TraceKind::kNetwork, name)); }
inline Recipe named_recipe(const std::string& name) { return read_recipe(resolve_trace(TraceKind::kRecipe, name)); }
inline Hardware named_hardware(const std::string& name) {
  return read_hardware(resolve_trace(TraceKind::kHardware, name));
}

/// The message of the Error that the call throws; empty when it throws none.
inline std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline LowerOptions with_batch(int batch) {
  LowerOptions options;
  options.batch = batch;
  options.mu16 = kMu16;
  return options;
}

struct Case {
  std::string recipe;
  std::string hardware;
};
inline std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const char* hardware : {"tiny", "odd", "base"}) {
    for (const char* recipe : {"int8", "int4", "int8_hindsight", "int4_hindsight"}) cases.push_back({recipe, hardware});
  }
  return cases;
}

/// mlp_odd with its batch of 19, which is ragged everywhere.
inline Program odd_program(const Case& each) {
  return lower(named_network("mlp_odd"), named_recipe(each.recipe), named_hardware(each.hardware), with_batch(19));
}

}  // namespace bitloom::testing_cases
