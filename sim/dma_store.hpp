#pragma once
#include <array>

#include "sim/engine.hpp"
#include "sim/flat_memory.hpp"

namespace bitloom {

/// STORE and STORE_SHAPE: rows of elements from VOUT, packed, to any byte addresses of DRAM; done with the last
/// response.
class DmaStore {
 public:
  DmaStore(const Machine& machine, const FlatMemory& memory) : machine_(machine), memory_(memory) {}
  /// Plans the transfer and counts it; returns the end edge.
  std::uint64_t plan(const Execution& e, std::uint64_t start, ActionCounts& counts);

 private:
  const Machine& machine_;
  FlatMemory memory_;
  std::array<const Instruction*, kShapeSlots> shapes_{};
};

}  // namespace bitloom
