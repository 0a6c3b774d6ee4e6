#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/program.hpp"
#include "model/network/hyper.hpp"
#include "model/network/network.hpp"
#include "model/network/recipe.hpp"
#include "sim/cosim/compare.hpp"
#include "sim/cosim/fidelity.hpp"
#include "sim/cosim/waves.hpp"
#include "sim/dram/banks.hpp"

namespace bitloom {
class RtlMachine;
}

namespace bitloom::cosim {

/// What a co-simulation does besides its network, recipe and hardware.
struct CosimOptions {
  int batch = 0;  ///< samples of an optimizer step, which the recipe may cut into micro-batches (N26)
  int steps = 1;  ///< consecutive optimizer steps, at least 1; all that counts steps below counts micro-batches
  int stall = 0;  ///< percent chance of an idle cycle before each memory beat, 0 … 90
  std::optional<dram::Banks> dram;  ///< a memory with banks in place of the flat one; then without stalls
  std::uint64_t seed = 1;           ///< parameters, data order, random words, stalls and poison
  std::string rtl_library;          ///< the Verilated machine of this hardware (rtl_library_path())
  /// FST file of the RTL around the first difference or the place where it hangs, or else of the last step's start;
  /// empty: none.
  std::string waves;
  std::string dump;  ///< folder for golden's tensors as .npy, one folder a step; empty: none
  std::function<void(const std::string&)> progress;  ///< called with what is being done; may be empty
  /// Tests only: changes the memory of an executor after its step, before it is compared.
  std::function<void(const std::string& executor, int step, std::span<std::uint8_t> memory)> tamper;
  /// Tests only: called before each run of an RTL machine, whose memory is ready.
  std::function<void(RtlMachine&, const Program&)> before_rtl;
};

/// What a co-simulation found.
struct CosimResult {
  Program program;
  Comparison comparison;             ///< SystemC and RTL together
  std::uint64_t tensors_a_step = 0;  ///< distinct tensors of golden's record
  Fidelity fidelity;
  std::vector<CommandCycles> commands;
  std::uint64_t executions = 0;       ///< of commands, all steps, RTL
  std::uint64_t macs = 0;             ///< of the steps that ran, as papers count (kernels/program_macs.hpp)
  std::uint64_t macs_data = 0;        ///< those that meet data
  double array_utilisation = 0;       ///< macs_data / (RTL cycles × R × C × multiply-accumulates a cycle and cell)
  int micro_batches = 1;              ///< of an optimizer step (N26)
  std::vector<std::uint32_t> losses;  ///< golden's, by step, or by micro-batch (N7.4)
  Waves waves;
  bool equal() const { return comparison.mismatches == 0 && comparison.elements > 0; }
};

/// Codes of a step's batch: samples made by the glyph generator for the network's input size, or given by `samples`.
struct StepData {
  std::vector<std::uint8_t> pixels;  ///< [batch · steps][input]
  std::vector<std::uint8_t> labels;  ///< [batch · steps]
};

/// Runs golden, SystemC and RTL on the same consecutive training steps and compares every tensor, every stored state
/// and every table entry after each step, and the cycles of every command. The two machines start from memories with
/// different poison in all bytes that nothing should read. Throws Error for bad arguments and where the RTL hangs or
/// stops, then with the waves' window, if waves were asked for; differences are a result, not an error.
CosimResult cosimulate(const Network& network, const Recipe& recipe, const Hardware& hardware, const Hyper& hyper,
                       const StepData& data, const CosimOptions& options);

/// Says the first difference in words: tensor, index, expected, got, which command wrote it.
std::string describe(const Program& program, const Difference& difference);

}  // namespace bitloom::cosim
