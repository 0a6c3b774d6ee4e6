#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "kernels/hardware.hpp"
#include "sim/execution.hpp"

namespace bitloom {

/// A run of neighbouring taps of one row of a LOAD (docs/timing.md).
struct LoadPiece {
  std::uint64_t bit = 0;  ///< of its start in DRAM
  std::uint32_t bits = 0;
  std::uint32_t walk = 1;  ///< cycles that walking its taps takes
  bool padding = false;
  bool ends_row = false;
};

/// A cycle that is not known yet.
inline constexpr std::uint64_t kUnknownCycle = ~std::uint64_t{0} / 2;

/// What the read channel needs to know of one LOAD.
struct LoadPlan {
  std::uint64_t start = 0;   ///< edge
  std::uint64_t opens = 0;   ///< cycle from whose end on it may fill, or kUnknownCycle
  std::uint32_t growth = 1;  ///< local bits of a memory bit
  std::uint32_t local = 0;   ///< bits of a local word
  std::vector<LoadPiece> pieces;
};

/// Plans the pieces of a LOAD; `shape` is its descriptor, null where it is not shaped.
LoadPlan load_plan(const Hardware& hardware, const Execution& e, const Instruction* shape, std::uint64_t start);

/// What decides how a LOAD's steps follow each other, its start and whole pages of its addresses apart.
using LoadSignature = std::array<std::uint32_t, 9>;

/// Returns the signature of a LOAD: two of one program that have the same, in words of `word` bytes, take the same
/// cycles and beats where they start at a channel at rest. Where no page ends among the lines that a LOAD reads, only
/// its place in a word counts; where its lines are all inside the image, it does not count which they are.
LoadSignature load_signature(const Execution& e, const Instruction* shape, std::uint32_t word);

/// Returns the beats of `word` bytes that a LOAD reads.
std::uint64_t beats_of(const LoadPlan& plan, std::uint32_t word);

/// Returns the bits of a MEMORY_BITS or LOCAL_BITS value.
std::uint32_t width_bits(std::uint32_t width);

/// Returns the byte address of row `row` of a shaped STORE or of one that is not.
std::uint64_t store_row(const Execution& e, const Instruction* shape, std::uint32_t row);

}  // namespace bitloom
