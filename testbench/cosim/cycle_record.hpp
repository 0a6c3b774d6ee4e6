#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "testbench/cosim/cosim_case.hpp"

namespace bitloom::cosim {

/// The clock cycles of a case, summed over its steps.
struct CaseCycles {
  std::uint64_t total = 0;
  std::map<std::string, std::uint64_t> commands;  ///< cycles in executions, by command_class()
  bool operator==(const CaseCycles&) const = default;
};

/// The cycles of cases by case_name().
using CycleRecord = std::map<std::string, CaseCycles>;

/// Runs a case on the SystemC model alone and without values, which change no cycle.
CaseCycles systemc_cycles(const CosimCase& chosen);

/// Returns the cycles that the RTL took in a co-simulation.
CaseCycles rtl_cycles(const CosimResult& result);

/// Reads the committed record, testbench/cosim/cycles.json of the source tree; to_text() makes its content: a line a
/// case.
CycleRecord committed_cycles();
std::string to_text(const CycleRecord& record);

/// Says what moved, in a line for the total and one for each class of commands; empty where nothing did.
std::string moved(const CaseCycles& recorded, const CaseCycles& now);

}  // namespace bitloom::cosim
