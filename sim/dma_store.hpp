#pragma once
#include <array>
#include <optional>

#include "sim/engine.hpp"
#include "sim/memory.hpp"
#include "sim/store_beats.hpp"

namespace bitloom {

/// STORE and STORE_SHAPE: rows of elements from VOUT, packed, to any byte addresses of DRAM; done with the last
/// response.
class DmaStore {
 public:
  DmaStore(const Machine& machine, Memory& memory) : machine_(machine), memory_(memory) {}
  /// Starts the transfer and counts it; returns the end edge, or before a memory with banks store_until().
  std::uint64_t plan(const Execution& e, std::uint64_t start, ActionCounts& counts);
  /// Lets the memory take the beats that it accepts before an edge. Returns the edge of the end, or, where beats are
  /// left, a later one at which the next is accepted.
  std::uint64_t store_until(std::uint64_t edge);

 private:
  void next_beat();

  const Machine& machine_;
  Memory& memory_;
  std::optional<StoreBeats> beats_;                      ///< of the STORE that runs
  ActionCounts* counts_ = nullptr;                       ///< of its phase
  std::uint64_t accepted_ = 0, response_ = 0, end_ = 0;  ///< edges
  std::array<const Instruction*, kShapeSlots> shapes_{};
};

}  // namespace bitloom
