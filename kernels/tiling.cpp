#include "kernels/tiling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "kernels/command_set.hpp"
#include "model/io/error.hpp"

namespace bitloom {

namespace {

constexpr int kLossRowsPerLane = 4;  ///< a loss tile's rows in multiples of V: enough to overlap its loads

[[noreturn]] void too_small(const TilingContext& context, const std::string& memory, std::int64_t needed_words,
                            int words) {
  const int unit = context.hardware.vector_word();
  throw Error(fmt::format("hardware {}: {}: {} is too small for its smallest tile: needs {} bytes, has {}",
                          context.hardware.name, context.what, memory, needed_words * unit,
                          static_cast<std::int64_t>(words) * unit));
}

TileGrid grid(const Hardware& hardware, int rows, int cols, int tile_rows, int tile_cols) {
  TileGrid result{cut(rows, tile_rows), cut(cols, tile_cols), 0, 0};
  result.groups = static_cast<int>(divide_up(tile_cols, hardware.lanes));
  result.stride = tile_rows * result.groups;
  return result;
}

TileGrid widened(TileGrid grid, const Sections& sections) {
  grid.stride = std::max(grid.stride, sections.least_words);
  return grid;
}

/// Words of one tile when all buffers of the phase share VIN and VOUT and a row has `groups` words; throws unless
/// `smallest` fit.
std::int64_t tile_words(const TilingContext& context, const Sections& sections, std::int64_t groups,
                        std::int64_t smallest) {
  const Hardware& hw = context.hardware;
  const std::int64_t coefficients = 2 * sections.coefficients * groups;
  std::int64_t words = kFieldMax;
  if (sections.in + sections.coefficients > 0) {
    const std::int64_t buffers = std::max(2 * sections.in, 1);
    if ((hw.vin_words - coefficients) / buffers < smallest) {
      too_small(context, "VIN", smallest * buffers + coefficients, hw.vin_words);
    }
    if (sections.in > 0) words = std::min(words, (hw.vin_words - coefficients) / buffers);
  }
  if (sections.out > 0) {
    const int buffers = 2 * sections.out;
    if (hw.vout_words / buffers < smallest) too_small(context, "VOUT", smallest * buffers, hw.vout_words);
    words = std::min<std::int64_t>(words, hw.vout_words / buffers);
  }
  return std::min<std::int64_t>(words, sections.most_words);
}

/// Returns G of the widest tile of at most `most` words a row whose columns are a multiple of `sections.columns`, or
/// all.
std::int64_t row_groups(const TilingContext& context, const Sections& sections, std::int64_t most, int cols) {
  const int lanes = context.hardware.lanes;
  const std::int64_t all = divide_up(cols, lanes);
  if (all <= most) return all;
  const std::int64_t unit = divide_up(sections.columns, lanes);
  return std::max(most / unit * unit, unit);
}

}  // namespace

Cut cut(int extent, int size) {
  const int count = static_cast<int>(divide_up(extent, size));
  return {size, count, extent - (count - 1) * size};
}

TileGrid array_grid(const TilingContext& context, int rows, int cols, const Sections& sections) {
  const Hardware& hw = context.hardware;
  std::int64_t groups = row_groups(context, sections, hw.tile_cols() / hw.lanes, cols);
  groups = std::min<std::int64_t>(groups, hw.tile_cols() / hw.lanes);
  const std::int64_t words =
      tile_words(context, sections, groups, std::max<std::int64_t>(groups, sections.least_words));
  const auto tile_rows = static_cast<int>(std::min<std::int64_t>(hw.rows, words / groups));
  return widened(grid(hw, rows, cols, tile_rows, static_cast<int>(groups) * hw.lanes), sections);
}

TileGrid vector_grid(const TilingContext& context, int rows, int cols, const Sections& sections) {
  const Hardware& hw = context.hardware;
  const std::int64_t unit = divide_up(sections.columns, hw.lanes);
  std::int64_t most =
      std::min<std::int64_t>({tile_words(context, sections, 1, 1), sections.most_groups, kFieldMax / hw.lanes});
  std::int64_t groups = row_groups(context, sections, most, cols);
  while (groups > unit && 2 * sections.coefficients * groups + 2 * sections.in * groups > hw.vin_words) groups -= unit;
  const std::int64_t words =
      tile_words(context, sections, groups, std::max<std::int64_t>(groups, sections.least_words));
  const auto tile_rows = static_cast<int>(std::min<std::int64_t>(rows, words / groups));
  return widened(grid(hw, rows, cols, tile_rows, static_cast<int>(groups) * hw.lanes), sections);
}

TileGrid loss_grid(const TilingContext& context, int rows, int cols) {
  const Hardware& hw = context.hardware;
  const int lanes = hw.lanes;
  const std::int64_t groups = divide_up(cols, lanes);
  const std::int64_t words = tile_words(context, {2, 1, 0}, groups, groups);
  auto fitting = static_cast<int>(words / groups);
  if (fitting > lanes) fitting = fitting / lanes * lanes;  // so that each label's word serves one tile
  const int wanted = static_cast<int>(std::min<std::int64_t>(round_up(rows, lanes), kLossRowsPerLane * lanes));
  return grid(hw, rows, cols, std::min(fitting, wanted), cols);
}

Reduction reduction(const Hardware& hardware, std::int64_t terms, int bits) {
  const auto bytes = static_cast<int>(divide_up(terms * bits, 8));
  const int unit = hardware.axi_bytes;
  Reduction result;
  result.b_resident = round_up(bytes, unit) <= std::min(hardware.spad_b_bytes, kFieldMax * bits / 8);
  int segment = std::min(hardware.spad_a_bytes, kSegmentTerms / 8 * bits);
  if (!result.b_resident) segment = std::min(segment, hardware.spad_b_bytes);
  segment = std::min(segment, kFieldMax * bits / 8) / unit * unit;
  result.bytes = cut(bytes, static_cast<int>(std::min<std::int64_t>(segment, round_up(bytes, unit))));
  return result;
}

bool fills_tiles(const Hardware& hardware, int lanes, int local_bits) {
  const int elements = 8 * hardware.axi_bytes / local_bits;  // of a local word
  return std::has_single_bit(static_cast<unsigned>(lanes)) && lanes <= hardware.axi_bytes &&
         elements / lanes <= kWordTiles;
}

TileGrid bias_grid(const TilingContext& context, int cols) {
  const Hardware& hw = context.hardware;
  const TileGrid widest = vector_grid(context, 1, cols, {.in = 1});
  const std::int64_t all = divide_up(cols, hw.lanes);
  const auto groups = static_cast<int>(divide_up(all, widest.cols.count));  // so that the last tile is as full
  const std::int64_t words = std::int64_t{groups} * widest.cols.count;
  if (words > hw.vbias_words) too_small(context, "VBIAS", words, hw.vbias_words);
  return grid(hw, 1, cols, 1, groups * hw.lanes);
}

}  // namespace bitloom
