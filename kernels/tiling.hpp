#pragma once
#include <cstdint>
#include <string>

#include "kernels/hardware.hpp"

namespace bitloom {

constexpr std::int64_t round_up(std::int64_t value, std::int64_t unit) { return (value + unit - 1) / unit * unit; }
constexpr std::int64_t divide_up(std::int64_t value, std::int64_t unit) { return (value + unit - 1) / unit; }

/// One axis cut into tiles: all of `size`, but the last, which has `last`.
struct Cut {
  int size = 0;
  int count = 1;
  int last = 0;
};
/// Cuts `extent` ≥ 1 into tiles of `size` ≥ 1.
Cut cut(int extent, int size);

/// How the elements of a rows × cols matrix are visited: column tiles outside (i0), row tiles inside (i1).
struct TileGrid {
  Cut rows;
  Cut cols;
  int groups = 0;  ///< G: words of a full tile's row
  int stride = 0;  ///< words of one full tile, the distance of double buffers
};

/// Segments of a GEMM's reduction, in bytes of packed codes.
struct Reduction {
  Cut bytes;
  bool b_resident = false;  ///< operand B's whole rows lie in spad B while the row tiles pass
};

/// Where an Error about too small a memory comes from: "mlp_odd: fc1 FORWARD".
struct TilingContext {
  const Hardware& hardware;
  std::string what;
};

/// Largest tile that the array, VIN and VOUT hold twice, no wider than the matrix needs; an even number of rows where
/// int4 codes are made. Throws Error naming memory, needed and available bytes.
TileGrid array_grid(const TilingContext& context, int rows, int cols, bool even_rows);

/// Largest tile of an update (N9): three sections of VIN and two of VOUT, each twice. Prefers whole rows.
TileGrid update_grid(const TilingContext& context, int rows, int cols);

/// Tile of whole rows of logits, a multiple of V of them (N7): two sections of VIN, one of VOUT, each twice.
TileGrid loss_grid(const TilingContext& context, int rows, int cols);

/// Longest segments that fit spad A (and spad B, when B's rows do not fit as a whole) and have at most 65,536 terms.
Reduction reduction(const Hardware& hardware, int terms, int bits);

/// Throws Error unless the biases of `cols` outputs fit VBIAS.
void require_bias_fits(const TilingContext& context, int cols);

}  // namespace bitloom
