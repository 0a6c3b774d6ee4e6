// Passes of GEMMs: together they are the whole result and the whole reduction, each fits its memories, and what they
// read are the operands' own rows, columns and taps. Which pass is chosen is a matter of cost, not of these tests.
#include "kernels/gemm_schedule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <map>
#include <random>
#include <string>
#include <utility>

#include "testbench/kernels/cases.hpp"

namespace bitloom {
namespace {

using testing::HasSubstr;

class Passes : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  Passes()
      : random_(GetParam()),
        network_(testing_cases::named_network("mlp_odd")),
        plan_(program_.hardware, network_),
        low_(program_, plan_) {
    program_.network = network_;
    Hardware& hw = program_.hardware;
    hw = testing_cases::named_hardware("base");
    hw.axi_bytes = 8 << draw(0, 3);
    hw.lanes = hw.axi_bytes / (draw(0, 1) == 0 ? 4 : 2);
    hw.rows = lanes(1);
    hw.cols = lanes(hw.lanes);
    hw.spad_a_bytes = hw.axi_bytes * draw(1, 40);
    hw.spad_b_bytes = hw.axi_bytes * draw(1, 40);
    hw.acc_tiles = draw(2, 64);
  }

  int draw(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  /// Draws lanes, mostly a power of two.
  int lanes(int least) {
    const int drawn = draw(least, program_.hardware.axi_bytes);
    if (draw(0, 3) == 0) return drawn;
    return std::max(least, static_cast<int>(std::bit_floor(static_cast<unsigned>(drawn))));
  }
  int tensor(const char* name, int bits, std::int64_t rows, std::int64_t cols) {
    return low_.layout.add(Own(name), bits, rows, cols);
  }

  /// A weight gradient: x [pixels][channels], plain or gathered over windows, and d [pixels][outputs].
  GemmJob weight_gradient(int bits) {
    const int pixels = draw(1, 40) * draw(1, 60);
    GemmJob job;
    job.terms = pixels;
    Gather g;
    g.segment = draw(1, 70);
    g.taps_x = draw(1, 4);
    g.taps_y = draw(1, 4);
    g.tap_x = draw(1, 2);
    g.tap_y = draw(1, 2);
    const int x = tensor("x", bits, pixels, g.segment);
    const bool plain = draw(0, 2) == 0;
    job.a = {{.tensor = x}, true, Expand::SIGNED, Kind::SIGNED};
    rows_ = plain ? g.segment : g.segment * g.taps_x * g.taps_y;
    if (!plain) {
      g.extent_x = g.limit_x = pixels;
      g.pixel_pitch = low_.tensor(x).pitch;
      job.a.view.gather = g;
    }
    cols_ = draw(1, 90);
    job.b = {{.tensor = tensor("d", bits, pixels, cols_)}, true, Expand::SIGNED, Kind::SIGNED};
    return job;
  }

  /// A forward product: x [rows][depth], w [depth][outputs] or, as backwards, [outputs][depth].
  GemmJob forward(int bits) {
    GemmJob job;
    job.terms = draw(1, 300);
    rows_ = draw(1, 100);
    cols_ = draw(1, 200);
    job.a = {{.tensor = tensor("x", bits, rows_, job.terms)}, false, Expand::SIGNED, Kind::SIGNED};
    const bool backwards = draw(0, 1) == 0;
    const int w = backwards ? tensor("w", bits, cols_, job.terms) : tensor("w", bits, job.terms, cols_);
    job.b = {{.tensor = w}, !backwards, Expand::SIGNED, Kind::SIGNED};
    return job;
  }

  void expect_all_once(const std::vector<GemmPass>& passes) const {
    std::vector<int> made(static_cast<std::size_t>(rows_) * static_cast<std::size_t>(cols_));
    for (const GemmPass& pass : passes) {
      for (int r = pass.first_row; r < pass.first_row + pass.rows; ++r) {
        for (int c = pass.first_col; c < pass.first_col + pass.cols; ++c) {
          ASSERT_LT(r, rows_);
          ASSERT_LT(c, cols_);
          ++made[static_cast<std::size_t>(r * cols_ + c)];
        }
      }
    }
    EXPECT_TRUE(std::all_of(made.begin(), made.end(), [](int count) { return count == 1; }));
  }

  /// Which row of the whole operand A, as a stream of taps, a view's first one is.
  static int first_of(const View& view, const View& whole) {
    if (!whole.gather) return view.col_base - whole.col_base;
    const Gather& g = *view.gather;
    const Gather& all = *whole.gather;
    const int ty = (g.offset_y - all.offset_y) / all.tap_y, tx = (g.offset_x - all.offset_x) / all.tap_x;
    return (ty * all.taps_x + tx) * all.segment + g.segment_base - all.segment_base;
  }

  void expect_fits(const GemmPass& pass, const GemmJob& job) const {
    const Hardware& hw = program_.hardware;
    const Cut& bytes = pass.k.bytes;
    EXPECT_EQ((std::int64_t{bytes.size} * (bytes.count - 1) + bytes.last), divide_up(job.terms * pass.bits, 8));
    EXPECT_EQ(std::int64_t{pass.terms.size} * (pass.terms.count - 1) + pass.terms.last, job.terms);
    EXPECT_EQ(pass.terms.count, bytes.count);
    const std::int64_t segment = round_up(bytes.size, hw.axi_bytes);
    const std::int64_t row_tiles = pass.grid.rows.count, col_tiles = pass.grid.cols.count;
    switch (pass.sums) {
      case SumLoop::OUTER:
        EXPECT_LE(row_tiles * col_tiles, hw.acc_tiles);
        EXPECT_LE(row_tiles * segment, hw.spad_a_bytes);
        EXPECT_LE(col_tiles * segment, hw.spad_b_bytes);
        break;
      case SumLoop::NONE:
        EXPECT_LE(segment, hw.spad_a_bytes);
        EXPECT_LE(col_tiles * segment, 2 * hw.spad_b_bytes);
        break;
      case SumLoop::INNER:
        EXPECT_LE(segment, hw.spad_a_bytes);
        break;
    }
  }

  std::mt19937_64 random_;
  Network network_;
  Program program_;
  TablePlan plan_;
  Lowering low_;
  int rows_ = 0, cols_ = 0;
};

TEST_P(Passes, AreTheWholeProduct) {
  const int bits = draw(0, 1) == 0 ? 8 : 4;
  const bool gradient = draw(0, 1) == 0;
  const GemmJob job = gradient ? weight_gradient(bits) : forward(bits);
  const TileGrid grid = low_.array_tiles(rows_, cols_, {.out = 1});
  const std::vector<GemmPass> passes = gemm_passes(low_, grid, rows_, cols_, job);
  ASSERT_NO_FATAL_FAILURE(expect_all_once(passes));
  for (const GemmPass& pass : passes) {
    expect_fits(pass, job);
    EXPECT_EQ(gradient ? first_of(pass.job.a.view, job.a.view) : 0, pass.first_row);
    const View& b = pass.job.b.view;
    const std::int64_t pitch = low_.tensor(b.tensor).pitch;
    EXPECT_EQ(job.b.transpose ? b.col_base : b.offset / pitch, pass.first_col);
  }
}

INSTANTIATE_TEST_SUITE_P(Random, Passes, ::testing::Range<std::uint64_t>(1, 401));

/// The orders exist for these: sums that stay where pixels are many, columns that stay where A fits.
TEST(Schedule, ChoosesOrdersOnBase) {
  using namespace testing_cases;
  const Program program = lower(named_network("conv128"), named_recipe("luq"), named_hardware("base"), with_batch(16));
  int kept[3] = {};
  for (const Command& command : program.commands) {
    if (command.opcode() == Opcode::GEMM) ++kept[command.get(Field::SUM_LOOP)];
  }
  EXPECT_GT(kept[static_cast<int>(SumLoop::OUTER)], 0);
  EXPECT_GT(kept[static_cast<int>(SumLoop::NONE)], 0);
}

/// Counts the GEMMs of each order of loops, by phase, under a schedule.
std::map<std::pair<std::string, SumLoop>, int> orders(const char* network, const char* hardware, Schedule schedule) {
  using namespace testing_cases;
  LowerOptions options = with_batch(16);
  options.schedule = schedule;
  const Program program = lower(named_network(network), named_recipe("int8"), named_hardware(hardware), options);
  std::map<std::pair<std::string, SumLoop>, int> counts;
  for (std::size_t i = 0; i < program.commands.size(); ++i) {
    if (program.info[i].macs_a_cycle == 0) continue;
    ++counts[{program.info[i].phase, static_cast<SumLoop>(program.commands[i].get(Field::SUM_LOOP))}];
  }
  return counts;
}

TEST(Schedule, IsForced) {
  const auto os = orders("conv128", "base", Schedule::kOutputStays);
  for (const auto& [order, count] : os) EXPECT_EQ(order.second, SumLoop::INNER) << order.first;
  const auto ws = orders("conv128", "base", Schedule::kWeightsStay);
  for (const auto& [order, count] : ws) {
    EXPECT_EQ(order.second == SumLoop::NONE, order.first != "wgrad") << order.first;
  }
}

TEST(Schedule, ThatDoesNotFitIsRefused) {
  const auto error = [](const char* network, const char* hardware) {
    return testing_cases::error_of([&] { orders(network, hardware, Schedule::kWeightsStay); });
  };
  EXPECT_THAT(error("mlp", "tiny"),
              HasSubstr("schedule ws: hardware tiny: network mlp, fc1, forward: spad_a_bytes is too small: a whole "
                        "reduction needs 784 bytes, a buffer has 16"));
  EXPECT_THAT(error("conv_small", "odd"), HasSubstr("schedule ws: hardware odd"));
}

}  // namespace
}  // namespace bitloom
