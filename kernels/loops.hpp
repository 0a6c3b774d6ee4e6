#pragma once
#include <array>
#include <cstdint>

#include "kernels/command.hpp"

namespace bitloom {

/// Loop indices i0, i1, i2, or loop counts N0, N1, N2.
using LoopIndex = std::array<int, 3>;

inline LoopIndex loop_counts(const Command& command) {
  return {static_cast<int>(command.get(Field::N0)), static_cast<int>(command.get(Field::N1)),
          static_cast<int>(command.get(Field::N2))};
}

/// Says whether a command of this EXEC_LEVEL runs and a WAIT of this level applies. The loops inside the level are at
/// 0.
inline bool at_first(const LoopIndex& index, int level) {
  for (int dim = 3 - level; dim < 3; ++dim) {
    if (index[static_cast<std::size_t>(dim)] != 0) return false;
  }
  return true;
}

/// Says whether a SIGNAL of this level applies. The loops inside the level are at their last value.
inline bool at_last(const LoopIndex& index, const LoopIndex& counts, int level) {
  for (int dim = 3 - level; dim < 3; ++dim) {
    if (index[static_cast<std::size_t>(dim)] + 1 != counts[static_cast<std::size_t>(dim)]) return false;
  }
  return true;
}

/// Moves to the next iteration of i0 { i1 { i2 } }; returns false after the last.
inline bool advance(LoopIndex& index, const LoopIndex& counts) {
  for (std::size_t dim = 3; dim-- > 0;) {
    if (++index[dim] < counts[dim]) return true;
    index[dim] = 0;
  }
  return false;
}

/// Returns the number of the iteration counted at a level; its lowest bit chooses a double buffer.
inline std::int64_t iteration_number(const LoopIndex& index, const LoopIndex& counts, int level) {
  std::int64_t number = 0;
  for (std::size_t dim = 0; dim < static_cast<std::size_t>(3 - level); ++dim)
    number = number * counts[dim] + index[dim];
  return number;
}

/// Return the effective rows and columns of an iteration; `counts` are those of the group's first command.
inline std::int64_t rows_at(const Command& command, const LoopIndex& index, const LoopIndex& counts) {
  const std::uint32_t dim = command.get(Field::ROWS_DIM);
  return command.get(dim < 3 && index[dim] + 1 == counts[dim] ? Field::ROWS_LAST : Field::ROWS);
}
inline std::int64_t cols_at(const Command& command, const LoopIndex& index, const LoopIndex& counts) {
  const std::uint32_t dim = command.get(Field::COLS_DIM);
  return command.get(dim < 3 && index[dim] + 1 == counts[dim] ? Field::COLS_LAST : Field::COLS);
}

/// Return the canonical row of an iteration's first row (ROW_STEP0 of vector commands included), and column of its
/// first column.
inline std::int64_t row0_at(const Command& command, const LoopIndex& index) {
  const std::uint32_t dim = command.get(Field::ROWS_DIM);
  std::int64_t row = dim < 3 ? std::int64_t{index[dim]} * command.get(Field::ROWS) : 0;
  const Opcode op = command.opcode();
  if (op == Opcode::TILE || op == Opcode::AFFINE || op == Opcode::UPDATE || op == Opcode::ADAM) {
    row += std::int64_t{index[0]} * command.get(Field::ROW_STEP0);
  }
  return row;
}
inline std::int64_t col0_at(const Command& command, const LoopIndex& index) {
  const std::uint32_t dim = command.get(Field::COLS_DIM);
  return command.get(Field::COL_BASE) + (dim < 3 ? std::int64_t{index[dim]} * command.get(Field::COLS) : 0);
}

/// Adds up ADDR and the strides, from BASE or BATCH, modulo 2^64.
inline std::uint64_t address_at(const Command& command, const LoopIndex& index) {
  const auto moved = [&](Field stride, int by) {
    return static_cast<std::uint64_t>(std::int64_t{command.get_signed(stride)} * by);
  };
  return command.address() + moved(Field::STRIDE0, index[0]) + moved(Field::STRIDE1, index[1]) +
         moved(Field::STRIDE2, index[2]);
}

}  // namespace bitloom
