#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/program.hpp"

namespace bitloom::cosim {

/// Cycles of one command in both executors: the sum over its executions, and over steps.
struct CommandCycles {
  int command = 0;
  std::uint64_t executions = 0;
  std::uint64_t systemc = 0;
  std::uint64_t rtl = 0;
};

/// A class of commands: an opcode, with LOAD's target and ways.
struct ClassCycles {
  std::string name;
  std::uint64_t commands = 0;
  std::uint64_t executions = 0;
  std::uint64_t systemc = 0;
  std::uint64_t rtl = 0;
  double error = 0;      ///< signed, (systemc - rtl) / rtl
  bool counted = false;  ///< at least 20 executions, or 1 % of all commands' cycles
};

/// One node's phase: cycles from the end of all phases before it (in program order) to the end of its own last
/// execution, so that the phases add up to the step.
struct PhaseCycles {
  int node = -1;  ///< of the network
  std::string phase;
  std::uint64_t systemc = 0;
  std::uint64_t rtl = 0;
};

/// SystemC's cycles against the RTL's; errors are fractions of the RTL's.
struct Fidelity {
  std::uint64_t systemc = 0;  ///< total cycles
  std::uint64_t rtl = 0;
  double error = 0;  ///< signed
  std::vector<ClassCycles> classes;
  std::vector<PhaseCycles> phases;
  double median = 0;  ///< of the absolute per-command errors (commands with at least one RTL cycle)
  double p95 = 0;
  double worst = 0;
  int worst_command = -1;
};

std::string command_class(const Command& command);

/// Adds one step's phases, given for each command the cycle at which its last execution ended.
void add_phases(const Program& program, const std::vector<std::uint64_t>& systemc_end,
                const std::vector<std::uint64_t>& rtl_end, std::vector<PhaseCycles>& phases);

/// Computes totals, classes and spread; `phases` stays empty.
Fidelity fidelity(const Program& program, const std::vector<CommandCycles>& commands, std::uint64_t systemc,
                  std::uint64_t rtl);

}  // namespace bitloom::cosim
