#pragma once
#include <cstdint>
#include <string>

#include "kernels/program.hpp"

namespace bitloom {

/// The multiply-accumulates that one node needs in one phase of a step, for all samples of the program's batch.
struct PhaseMacs {
  std::uint64_t macs = 0;       ///< as papers count (LayerMacs); 0 where the phase has no product of a layer
  std::uint64_t macs_data = 0;  ///< those that meet data
  double array_cycles = 0;      ///< macs_data / (R × C × macs_a_cycle): cycles of a whole array without a pause
};

/// Counts by the network, not by the commands: a product that a recipe computes twice (SMP, N19.4) counts once, and
/// sums by a constant one (bias gradients, N21.3's corrections) count nothing. `node` is an index in Network::nodes, or
/// −1 for no node.
PhaseMacs phase_macs(const Program& program, int node, const std::string& phase);

/// Returns the sum of phase_macs() over all phases of the program.
PhaseMacs step_macs(const Program& program);

}  // namespace bitloom
