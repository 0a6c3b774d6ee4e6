#pragma once
#include <cstdint>
#include <string>

#include "kernels/hardware.hpp"

namespace bitloom {

constexpr std::int64_t round_up(std::int64_t value, std::int64_t unit) { return (value + unit - 1) / unit * unit; }
constexpr std::int64_t divide_up(std::int64_t value, std::int64_t unit) { return (value + unit - 1) / unit; }

inline constexpr int kSegmentTerms = 65536;  ///< of a GEMM's segment: int32 in the array is exact up to here

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
  /// Says whether the columns of every tile start at a whole byte of packed elements of this width.
  bool starts_bytes(int bits) const { return cols.count == 1 || cols.size * bits % 8 == 0; }
};

/// What of VIN and VOUT the tiles of a phase share.
struct Sections {
  int in = 0;            ///< full-tile inputs
  int out = 0;           ///< outputs
  int coefficients = 0;  ///< coefficient vectors
  int columns = 1;       ///< a tile has a multiple of so many columns, or all
  int most_groups = 65535;
  int most_words = 65535;
  int least_words = 0;  ///< of a buffer, however small the tile is
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

/// Returns the largest tile that the array makes and that VIN and VOUT hold twice, no wider than the matrix needs.
/// Throws Error naming memory, needed and available bytes.
TileGrid array_grid(const TilingContext& context, int rows, int cols, const Sections& sections);

/// Returns the largest tile that VIN and VOUT hold twice; prefers whole rows.
TileGrid vector_grid(const TilingContext& context, int rows, int cols, const Sections& sections);

/// Returns the tile of whole rows of logits, a multiple of V of them (N7): two sections of VIN, one of VOUT, each
/// twice.
TileGrid loss_grid(const TilingContext& context, int rows, int cols);

/// Returns the longest segments that fit spad A (and spad B, when B's rows do not fit as a whole) and have at most
/// 65,536 terms.
Reduction reduction(const Hardware& hardware, std::int64_t terms, int bits);

/// Says whether a LOAD may spread the elements of a transposed row over several tiles of `lanes` lanes.
bool fills_tiles(const Hardware& hardware, int lanes, int local_bits);

/// Returns tiles of one row that VIN holds twice and VBIAS all at once, as whole tiles. Throws Error where it does not.
TileGrid bias_grid(const TilingContext& context, int cols);

}  // namespace bitloom
