// Where LOADs of operand A go by the line buffer, a walk over all tiles asks for each beat of the images once, whatever
// the taps, strides, padding, tiles and cuts of the reduction; and for no more than without.
#include "kernels/operand_beats.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <random>

#include "sim/load_lines.hpp"
#include "testbench/kernels/cases.hpp"

namespace bitloom {
namespace {

class OperandBeats : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  OperandBeats()
      : random_(GetParam()),
        network_(testing_cases::named_network("mlp_odd")),
        plan_(program_.hardware, network_),
        low_(program_, plan_) {
    program_.network = network_;
    program_.hardware = testing_cases::named_hardware("base");
    program_.hardware.axi_bytes = 8 << draw(0, 2);
  }

  int draw(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }

  /// Draws a gather over images of codes: forwards or backwards through a kernel, with strides and padding.
  Gather gather(int bits) {
    Gather g;
    const int channels = draw(1, 40);
    g.segment = draw(0, 3) == 0 ? draw(1, channels) : channels;
    g.segment_base = draw(0, channels - g.segment);
    g.limit_x = draw(1, 12);
    g.limit_y = draw(1, 9);
    g.taps_x = draw(1, 4);
    g.taps_y = draw(1, 4);
    const int sign = draw(0, 2) == 0 ? -1 : 1;
    g.tap_x = sign * draw(1, 2);
    g.tap_y = sign * draw(1, 2);
    g.scale_x = draw(1, 2);
    g.scale_y = draw(1, 2);
    const auto place = [&](int limit, int taps, int tap, int scale, int& offset, int& extent) {
      const int reach = (taps - 1) * std::abs(tap), padding = draw(0, reach);
      offset = (tap < 0 ? reach : 0) - padding;
      extent = std::max(1, (limit + 2 * padding - reach - 1) / scale + 1);
    };
    place(g.limit_x, g.taps_x, g.tap_x, g.scale_x, g.offset_x, g.extent_x);
    place(g.limit_y, g.taps_y, g.tap_y, g.scale_y, g.offset_y, g.extent_y);
    g.pixel_pitch = divide_up(std::int64_t{channels} * bits, 8);
    g.line_pitch = g.limit_x * g.pixel_pitch;
    g.image_pitch = g.limit_y * g.line_pitch;
    return g;
  }

  /// The pass of a whole product: rows in tiles, the reduction in segments; or transposed, a row after the other.
  GemmPass pass(const Gather& g, int bits, int images) {
    GemmPass of;
    const int terms = g.taps_x * g.taps_y * g.segment, rows = images * g.extent_x * g.extent_y;
    of.job.a.view.tensor = low_.layout.add(Own("x"), bits, images * g.limit_x * g.limit_y, g.pixel_pitch * 8 / bits);
    of.job.a.view.gather = g;
    of.job.a.transpose = draw(0, 1) == 0;
    of.rows = of.job.a.transpose ? terms : rows;
    of.terms = of.job.a.transpose ? cut(rows, draw(1, rows)) : cut(terms, draw(1, terms));
    of.grid.rows = cut(of.rows, draw(1, std::min(of.rows, 20)));
    return of;
  }

  /// Counts the beats that elements [from, to) of a row's stream ask for, by the line buffer and without.
  void walk(const Gather& g, int bits, int row, int from, int to) {
    const int x = row % g.extent_x, y = row / g.extent_x % g.extent_y, n = row / g.extent_x / g.extent_y;
    const std::int64_t beat = program_.hardware.axi_bytes * std::int64_t{8};
    for (int element = from; element < to;) {
      const int tap = element / g.segment, end = std::min(to, (tap + 1) * g.segment);
      const int sx = x * g.scale_x + tap % g.taps_x * g.tap_x + g.offset_x;
      const int sy = y * g.scale_y + tap / g.taps_x * g.tap_y + g.offset_y;
      if (sx >= 0 && sx < g.limit_x && sy >= 0 && sy < g.limit_y) {
        const std::int64_t pixel = n * g.image_pitch + sy * g.line_pitch + sx * g.pixel_pitch;
        const std::int64_t bit = 8 * pixel + std::int64_t{g.segment_base + element - tap * g.segment} * bits;
        const std::int64_t first = bit / beat, last = (bit + std::int64_t{end - element} * bits - 1) / beat;
        asked_ +=
            static_cast<double>(window_->take(static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(last)));
      }
      element = end;
    }
  }

  void walk(const GemmPass& of, int bits, int images) {
    const Gather& g = *of.job.a.view.gather;
    const int rows = images * g.extent_x * g.extent_y, terms = g.taps_x * g.taps_y * g.segment;
    const Hardware& hw = program_.hardware;
    window_.emplace(static_cast<std::uint64_t>(hw.line_buffer_bytes / hw.axi_bytes));
    asked_ = 0;
    const int tile = of.job.a.transpose ? 1 : of.grid.rows.size, segment = of.job.a.transpose ? terms : of.terms.size;
    for (int first = 0; first < rows; first += tile) {
      for (int from = 0; from < terms; from += segment) {
        for (int row = first; row < std::min(rows, first + tile); ++row) {
          walk(g, bits, row, from, std::min(terms, from + segment));
        }
      }
    }
  }

  std::mt19937_64 random_;
  Network network_;
  Program program_;
  TablePlan plan_;
  Lowering low_;
  std::optional<LineWindow> window_;
  double asked_ = 0;
};

TEST_P(OperandBeats, AskOnceWhereLinesFit) {
  Hardware& hw = program_.hardware;
  const int bits = 1 << draw(2, 3), images = draw(1, 4);
  const Gather g = gather(bits);
  const GemmPass of = pass(g, bits, images);
  hw.line_buffer_bytes = hw.axi_bytes << draw(1, 8);
  const std::optional<double> row = line_beats(low_, of);
  hw.line_buffer_bytes = 0;
  EXPECT_FALSE(line_beats(low_, of).has_value());
  if (!row) return;
  // The least buffer that it takes.
  for (hw.line_buffer_bytes = 2 * hw.axi_bytes; !line_beats(low_, of);) hw.line_buffer_bytes *= 2;
  EXPECT_EQ(*line_beats(low_, of), *row);
  walk(of, bits, images);
  const double all = *row * images * g.extent_x * g.extent_y;
  // The very first lines may come out of order: taps go backwards, or what they skip is wanted later.
  EXPECT_LE(asked_, all + 1 + static_cast<double>(hw.line_buffer_bytes) / hw.axi_bytes);
}

INSTANTIATE_TEST_SUITE_P(All, OperandBeats, ::testing::Range<std::uint64_t>(0, 500));

}  // namespace
}  // namespace bitloom
