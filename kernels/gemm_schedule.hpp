// In which order the loops of a GEMM follow each other, and what of its operands stays in the scratchpads.
#pragma once
#include <vector>

#include "kernels/lowering.hpp"

namespace bitloom {

/// A part of a GEMM's result that one phase makes, and how.
struct GemmPass {
  GemmJob job;  ///< operands of this part alone
  TileGrid grid;
  int first_row = 0, rows = 0;
  int first_col = 0, cols = 0;
  int bits = 8;  ///< at which the operands meet
  /// INNER: a column tile after the other; B stays for it where it fits. NONE: B stays for all columns, A for a row of
  /// tiles. OUTER: the sums of all tiles stay, and each operand comes by once.
  SumLoop sums = SumLoop::INNER;
  Reduction k;  ///< segments of the reduction
  Cut terms;    ///< the same in terms

  /// Returns the view of this part's columns, and of its rows at `pitch` bytes.
  View part(View view, std::int64_t pitch = 0) const {
    view.col_base += first_col;
    view.offset += first_row * pitch;
    return view;
  }
};

/// Cuts result[rows][cols] of a job into passes, by the least predicted cost. `grid` has its tiles. Throws Error where
/// weights must stay (Schedule) and cannot, and where logarithmic codes do not fit.
std::vector<GemmPass> gemm_passes(const Lowering& low, const TileGrid& grid, int rows, int cols, const GemmJob& job);

/// Returns the job as one pass with the reduction in the innermost loop.
GemmPass whole_pass(const Lowering& low, const TileGrid& grid, const GemmJob& job);

}  // namespace bitloom
