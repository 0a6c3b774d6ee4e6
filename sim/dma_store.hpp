#pragma once
#include <array>

#include "sim/dram_channels.hpp"
#include "sim/engine.hpp"
#include "sim/load_plan.hpp"

namespace bitloom {

/// STORE and STORE_SHAPE: rows of elements from VOUT, packed, to any byte addresses of DRAM; done with the last
/// response.
class DmaStore {
 public:
  DmaStore(const Machine& machine, const BurstTiming& timing) : machine_(machine), timing_(timing) {}
  /// Plans the transfer and counts it; returns the end edge.
  std::uint64_t plan(const Execution& e, std::uint64_t start, ActionCounts& counts);

 private:
  const Machine& machine_;
  BurstTiming timing_;
  std::array<const Instruction*, kShapeSlots> shapes_{};
};

}  // namespace bitloom
