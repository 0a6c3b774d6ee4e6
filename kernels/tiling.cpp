#include "kernels/tiling.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/error.hpp"

namespace bitloom {

namespace {

constexpr int kSegmentTerms = 65536;  ///< int32 in the array is exact up to here
constexpr int kFieldMax = 65535;      ///< of a 16-bit field
constexpr int kLossRowsPerLane = 4;   ///< a loss tile's rows in multiples of V: enough to overlap its loads

[[noreturn]] void too_small(const TilingContext& context, const std::string& memory, std::int64_t needed_words,
                            int words) {
  const int unit = context.hardware.axi_bytes;
  throw Error(fmt::format("hardware {}: {}: {} is too small for its smallest tile: needs {} bytes, has {}",
                          context.hardware.name, context.what, memory, needed_words * unit,
                          static_cast<std::int64_t>(words) * unit));
}

TileGrid grid(const Hardware& hardware, int rows, int cols, int tile_rows, int tile_cols) {
  TileGrid result{cut(rows, tile_rows), cut(cols, tile_cols), 0, 0};
  result.groups = static_cast<int>(divide_up(tile_cols, hardware.lanes()));
  result.stride = tile_rows * result.groups;
  return result;
}

/// Words of one buffer when `vin_buffers` of them share VIN and `vout_buffers` VOUT; throws unless `smallest` fit.
int buffer_words(const TilingContext& context, int vin_buffers, int vout_buffers, std::int64_t smallest) {
  const Hardware& hw = context.hardware;
  if (hw.vin_words / vin_buffers < smallest) too_small(context, "VIN", smallest * vin_buffers, hw.vin_words);
  if (hw.vout_words / vout_buffers < smallest) too_small(context, "VOUT", smallest * vout_buffers, hw.vout_words);
  return std::min(hw.vin_words / vin_buffers, hw.vout_words / vout_buffers);
}

}  // namespace

Cut cut(int extent, int size) {
  const int count = static_cast<int>(divide_up(extent, size));
  return {size, count, extent - (count - 1) * size};
}

TileGrid array_grid(const TilingContext& context, int rows, int cols, bool even_rows) {
  const Hardware& hw = context.hardware;
  const int row_step = even_rows ? 2 : 1;
  const int most_rows = hw.rows / row_step * row_step;
  if (most_rows == 0) {
    throw Error(
        fmt::format("hardware {}: {}: rows is 1, int4 codes need tiles of at least 2 rows", hw.name, context.what));
  }
  const int words = buffer_words(context, 2, 2, row_step);
  const int lanes = hw.lanes();
  int groups = static_cast<int>(std::min<std::int64_t>(hw.tile_cols() / lanes, divide_up(cols, lanes)));
  groups = std::min(groups, words / row_step);
  const int tile_rows = std::min(most_rows, words / groups / row_step * row_step);
  return grid(hw, rows, cols, tile_rows, groups * lanes);
}

TileGrid update_grid(const TilingContext& context, int rows, int cols) {
  const Hardware& hw = context.hardware;
  const int words = buffer_words(context, 6, 4, 1);
  const int groups =
      static_cast<int>(std::min<std::int64_t>({words, divide_up(cols, hw.lanes()), kFieldMax / hw.axi_bytes}));
  const int tile_rows = std::min(rows, words / groups);
  return grid(hw, rows, cols, tile_rows, groups * hw.lanes());
}

TileGrid loss_grid(const TilingContext& context, int rows, int cols) {
  const Hardware& hw = context.hardware;
  const int lanes = hw.lanes();
  const std::int64_t groups = divide_up(cols, lanes);
  const int words = buffer_words(context, 4, 2, groups * lanes);
  const auto fitting = static_cast<int>(words / groups / lanes * lanes);
  const int wanted = static_cast<int>(std::min<std::int64_t>(round_up(rows, lanes), kLossRowsPerLane * lanes));
  return grid(hw, rows, cols, std::min(fitting, wanted), cols);
}

Reduction reduction(const Hardware& hardware, int terms, int bits) {
  const auto bytes = static_cast<int>(divide_up(static_cast<std::int64_t>(terms) * bits, 8));
  const int unit = hardware.axi_bytes;
  Reduction result;
  result.b_resident = round_up(bytes, unit) <= hardware.spad_b_bytes;
  int segment = std::min(hardware.spad_a_bytes, kSegmentTerms / 8 * bits);
  if (!result.b_resident) segment = std::min(segment, hardware.spad_b_bytes);
  segment = std::min(segment, kFieldMax) / unit * unit;
  result.bytes = cut(bytes, static_cast<int>(std::min<std::int64_t>(segment, round_up(bytes, unit))));
  return result;
}

void require_bias_fits(const TilingContext& context, int cols) {
  const std::int64_t words = divide_up(cols, context.hardware.lanes());
  if (words > context.hardware.vbias_words) too_small(context, "VBIAS", words, context.hardware.vbias_words);
}

}  // namespace bitloom
