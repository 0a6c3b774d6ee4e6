#pragma once
#include <algorithm>
#include <cstdint>

#include "sim/engine.hpp"

namespace bitloom {

/// Reads of a packed mask down one column of groups. A word of VIN has the bits of 32 groups, and is read with the
/// first of them that comes (docs/timing_vector.md).
struct MaskColumn {
  MaskColumn(const Execution& e, const TileShape& shape, std::uint64_t column)
      : first(column == 0 || column / kGroups != (end(e, shape) + column - 1) / kGroups),
        others(std::min<std::uint64_t>(e.rows - 1, (end(e, shape) + column) / kGroups - column / kGroups)) {}
  bool first;            ///< does the first group bring a word?
  std::uint64_t others;  ///< how many of the other ones do

 private:
  static constexpr std::uint64_t kGroups = 32;
  /// Returns the groups from a column's first to its last.
  static std::uint64_t end(const Execution& e, const TileShape& shape) { return (e.rows - 1) * shape.row_words; }
};

inline bool has_packed_mask(const Execution& e, const Operands& of) {
  return e.command->MASK_PACKED != 0 && of.inputs.at(Part::mask) >= 0;
}

/// Returns the words of a packed mask that an execution reads.
inline std::uint64_t packed_words(const Execution& e, const TileShape& shape) {
  std::uint64_t words = 0;
  for (std::uint64_t column = 0; column < shape.row_words; ++column) {
    const MaskColumn mask(e, shape, column);
    words += (mask.first ? 1 : 0) + mask.others;
  }
  return words;
}

}  // namespace bitloom
