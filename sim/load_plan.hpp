#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "kernels/hardware.hpp"
#include "sim/execution.hpp"
#include "sim/load_lines.hpp"

namespace bitloom {

/// A run of neighbouring taps of one row of a LOAD (docs/timing.md).
struct LoadPiece {
  std::uint64_t bit = 0;  ///< of its start in DRAM
  std::uint32_t bits = 0;
  std::uint32_t walk = 1;  ///< cycles that walking its taps takes
  bool padding = false;
  bool ends_row = false;
  bool lines = false;       ///< the line buffer serves it
  std::uint32_t asked = 0;  ///< of its beats and those before them: what is asked for, up to the last
};

/// A cycle that is not known yet.
inline constexpr std::uint64_t kUnknownCycle = ~std::uint64_t{0} / 2;

/// What the read channel needs to know of one LOAD.
struct LoadPlan {
  std::uint64_t start = 0;   ///< edge
  std::uint64_t opens = 0;   ///< cycle from whose end on it may fill, or kUnknownCycle
  std::uint32_t growth = 1;  ///< local bits of a memory bit
  std::uint32_t local = 0;   ///< bits of a local word
  bool lines = false;        ///< it goes by the line buffer
  std::vector<LoadPiece> pieces;
};

/// Plans the pieces of a LOAD; `shape` is its descriptor, null where it is not shaped. What is asked for is not known.
LoadPlan load_plan(const Hardware& hardware, const Execution& e, const Instruction* shape, std::uint64_t start);

/// Beats that a LOAD asks for; of these, what goes to the line buffer; and what is read from it.
struct LoadBeats {
  std::uint64_t asked = 0, lines_written = 0, lines_read = 0;
};

/// Finds the beats of `word` bytes that each piece asks for, by what the line buffer holds.
LoadBeats find_beats(LoadPlan& plan, std::uint32_t word, LineWindow& lines);

/// What decides how a LOAD's steps follow each other, its start and whole pages of its addresses apart.
using LoadSignature = std::array<std::uint32_t, 11>;

/// Returns the signature of a LOAD: two of one program that have the same, in words of `word` bytes, take the same
/// cycles and beats where they start at a channel at rest. Where no page ends among the lines that a LOAD reads, only
/// its place in a word counts; where its lines are all inside the image, it does not count which they are. `lines` is
/// what the line buffer holds; of a LOAD with LINES the place in a page counts, too.
LoadSignature load_signature(const Execution& e, const Instruction* shape, std::uint32_t word, const LineWindow& lines);

/// Returns the beat from which the signature of a LOAD with LINES counts those of the line buffer.
std::int64_t base_beat(const Execution& e, const Instruction& shape, std::uint32_t word);

/// Returns the bits of a MEMORY_BITS or LOCAL_BITS value.
std::uint32_t width_bits(std::uint32_t width);

/// Returns the byte address of row `row` of a shaped STORE or of one that is not.
std::uint64_t store_row(const Execution& e, const Instruction* shape, std::uint32_t row);

}  // namespace bitloom
