// For tests: what docs/commands.md says that a LOAD reads and where a STORE writes, in plain loops over elements.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "testbench/rtl/machine_case.hpp"

namespace bitloom {

/// The fields of LOAD_SHAPE and STORE_SHAPE.
struct ShapeCase {
  int extent_x = 1, extent_y = 1, limit_x = 1, limit_y = 1, offset_x = 0, offset_y = 0, scale_x = 1, scale_y = 1;
  int tap_x = 0, tap_y = 0, taps_x = 1, taps_y = 1, segment = 1, segment_base = 0;
  int pixel_pitch = 0, line_pitch = 0, image_pitch = 0;
};

/// One LOAD or STORE with its loops. Rows and cols are those of its ROWS, ROWS_LAST … fields.
struct TransferCase {
  std::optional<ShapeCase> shape;
  std::uint32_t address = 0;
  int pitch = 0, bits = 8, col_base = 0;
  int counts[3] = {1, 1, 1}, strides[3] = {0, 0, 0};
  int rows = 1, rows_last = 1, rows_dim = 3, cols = 1, cols_last = 1, cols_dim = 3;
  bool tap_loop = false, lines = false;
};

/// Effective values of a transfer at one iteration.
struct Iteration {
  int rows, cols, row0, col0;
  std::uint32_t address;
  int index[3];
};
std::vector<Iteration> iterations(const TransferCase& transfer);

/// Moves elements of 16 bits to even bytes, where every LOAD finds them (docs/commands.md).
void align(TransferCase& transfer);

/// Sets the fields of the transfer itself, not of its local side.
void set_transfer(Command& command, const TransferCase& transfer);
/// Makes the LOAD_SHAPE or STORE_SHAPE command for descriptor `slot`.
void set_shape(Command& command, const ShapeCase& shape, int slot);

/// Returns the elements [col0, col0 + cols) of row row0 + `row` of a LOAD, as bits; nothing where they are padding.
std::vector<std::optional<std::uint32_t>> load_row(std::span<const std::uint8_t> memory, const TransferCase& transfer,
                                                   const Iteration& at, int row);
/// Where a STORE writes row row0 + `row`: bit address of its first element.
std::int64_t store_bit(const TransferCase& transfer, const Iteration& at, int row);

/// Returns `bits` bits from a bit address.
std::uint32_t bits_at(std::span<const std::uint8_t> memory, std::int64_t bit, int bits);
/// Returns an element of `from` bits expanded to `to` bits, as a number of `to` bits.
std::uint32_t expanded(std::uint32_t element, int from, int to, Expand expand);

/// Draws a random convolution-like shape: `most_taps` along each axis, segments of at most `most_segment` elements
/// (whole bytes where `bits` is less), pixels beside each other or with gaps. Rows of a load read within `bytes` of its
/// address.
ShapeCase random_shape(MachineCase& machine, int bits, int most_taps, int most_segment, int unit);

}  // namespace bitloom
