#pragma once
#include "kernels/lowering.hpp"

namespace bitloom {

/// Sums of a raw view of 16 bits which the commands that make it sum up on the way (docs/commands.md, Sums): over its
/// columns, or over everything.
struct RawSums {
  ReduceKind kind = ReduceKind::MOMENTS;
  bool all = false;  ///< over everything
  int results = -1;  ///< tensor [4][columns or 1]
  int partner = -1;  ///< tensor of the other factor of CROSS
  bool begun = false;

  /// Says whether the sums of so many columns are kept at once, and fit VOUT twice when they are written.
  bool holds(const Hardware& hardware, int columns) const;
  /// Lets a TILE or AFFINE sum up; it goes on with the sums of those before it.
  void sum_up(Command& command);
  /// Writes the sums of `columns` columns, which are the results' from `first` on. The next command begins new ones.
  void write(Lowering& low, int first, int columns);
};

}  // namespace bitloom
