#pragma once
#include "kernels/command.hpp"
#include "kernels/tiling.hpp"

namespace bitloom {

/// The loop that moves a command's rows or columns.
enum Dim { kOuter = 0, kMiddle = 1, kInner = 2, kNone = 3 };

inline Command& set_rows(Command& command, const Cut& cut, int dim) {
  return command.set(Field::ROWS, cut.size).set(Field::ROWS_LAST, cut.last).set(Field::ROWS_DIM, dim);
}
inline Command& set_cols(Command& command, const Cut& cut, int dim) {
  return command.set(Field::COLS, cut.size).set(Field::COLS_LAST, cut.last).set(Field::COLS_DIM, dim);
}
/// Returns an axis that is not cut.
inline Cut fixed(int size) { return {size, 1, size}; }

inline Field stride_of(int dim) {
  return dim == kOuter ? Field::STRIDE0 : dim == kMiddle ? Field::STRIDE1 : Field::STRIDE2;
}

}  // namespace bitloom
