#include "model/numerics/log_code.hpp"

#include <gtest/gtest.h>

#include "testbench/model/numerics/spec_codes.hpp"
#include "testbench/model/numerics/sweep.hpp"

namespace bitloom {
namespace {

void expect_code(std::int32_t g, std::uint32_t top, int binades, std::uint32_t u, int r) {
  const spec::LogCell cell = spec::log_cell(g, top, binades);
  const int up = u < spec::words_above(cell.distance, r) ? 1 : 0;
  std::uint64_t saturations = 0;
  const std::uint8_t code = log_encode(g, top, binades, u, r, Rounding::kStochastic, saturations);
  ASSERT_TRUE(code == spec::log_code_of(g, cell.lower + up) && saturations == (cell.clipped ? 1u : 0u))
      << g << " of " << top << ", R " << binades << ", word " << u << " of " << r << " bits: got " << int{code};
}

TEST(LogCode, TopIsTheSmallestAllowedNumber) {  // N19.1
  for (std::uint32_t max = 0; max < 70000; ++max) {
    ASSERT_EQ(log_top(max, false), spec::top_of(max, false)) << max;
    if (max % 16 < 3) {
      ASSERT_EQ(log_top(max, true), spec::top_of(max, true)) << max;
    }
  }
  testing::Sweep sweep(0xb1700121);
  for (int trial = 0; trial < 2000; ++trial) {
    const auto max = static_cast<std::uint32_t>(sweep.magnitude(kRawLimit));
    ASSERT_EQ(log_top(max, false), spec::top_of(max, false)) << max;
    const std::uint32_t power = log_top(max, true);
    ASSERT_TRUE(std::has_single_bit(power) && power >= max && (power == 1 || power / 2 < max)) << max;
  }
  EXPECT_EQ(log_top(2147483647, false), 2147483648u);
}

TEST(LogCode, Every16BitInputAroundItsThreshold) {  // N19.2, r = 16
  for (const int binades : {4, 6}) {
    for (const std::uint32_t top : {1u, 3u, 1024u, 21845u, 32767u, 32768u, 40961u}) {
      for (std::int32_t g = -32768; g < 32768; ++g) {
        const auto words = static_cast<std::int64_t>(spec::words_above(spec::log_cell(g, top, binades).distance, 16));
        for (std::int64_t u = words - 2; u <= words + 1; ++u) {
          if (u >= 0 && u < 65536) expect_code(g, top, binades, static_cast<std::uint32_t>(u), 16);
        }
      }
      if (HasFatalFailure()) return;
    }
  }
}

TEST(LogCode, RandomWideInputs) {  // N19.2 with 32-bit operands
  testing::Sweep sweep(0xb1700122);
  for (int trial = 0; trial < 1000000 && !HasFatalFailure(); ++trial) {
    const auto top = log_top(static_cast<std::uint32_t>(sweep.magnitude(kRawLimit)), sweep.in(0, 3) == 0);
    const std::int64_t limit = sweep.in(0, 9) == 0 ? kRawLimit : std::min<std::int64_t>(top, kRawLimit);
    const auto g = static_cast<std::int32_t>(sweep.signed_value(limit));
    const int r = sweep.in(0, 1) != 0 ? 16 : 8;
    expect_code(g, top, sweep.in(0, 1) != 0 ? 6 : 4, static_cast<std::uint32_t>(sweep.magnitude((1 << r) - 1)), r);
  }
}

TEST(LogCode, HalfUpGoesToTheNearerValue) {  // N19.2, the biased alternative
  for (const int binades : {4, 6}) {
    for (const std::uint32_t top : {1u, 1000u, 32768u}) {
      for (std::int32_t g = -32768; g < 32768; ++g) {
        const spec::LogCell cell = spec::log_cell(g, top, binades);
        const int up = 2 * cell.distance.numerator >= cell.distance.denominator ? 1 : 0;
        std::uint64_t saturations = 0;
        ASSERT_EQ(log_encode(g, top, binades, 0, 8, Rounding::kHalfUp, saturations),
                  spec::log_code_of(g, cell.lower + up));
      }
    }
  }
}

/// Mean over all words of the code's value minus the input, in units of top / 2^R, and the cell's width.
struct Bias {
  double mean = 0;
  double cell = 1;
  bool exact = false;  ///< 2^r times the distance is an integer
};
Bias bias_of(std::int32_t g, std::uint32_t top, int binades, int r) {
  std::int64_t sum = 0;
  std::uint64_t saturations = 0;
  for (std::uint32_t u = 0; u < (1u << r); ++u) {
    sum += log_value(log_encode(g, top, binades, u, r, Rounding::kStochastic, saturations));
  }
  const double exact = static_cast<double>(std::int64_t{g} << binades) / top;
  const spec::LogCell cell = spec::log_cell(g, top, binades);
  const double width = cell.lower <= 1 ? 1.0 : std::ldexp(1.0, cell.lower - 1);
  const bool integer = cell.distance.numerator * (spec::Wide{1} << r) % cell.distance.denominator == 0;
  return {std::ldexp(static_cast<double>(sum), -r) - exact, width, integer};
}

TEST(LogCode, UnbiasedOverAllWords) {  // N19.2: exact, or upwards in magnitude by less than 2^-r of a cell
  for (const int r : {8, 16}) {
    double largest = 0;
    int exact = 0;
    for (const std::uint32_t top : {512u, 24576u, 30001u, 32767u}) {
      const std::int32_t stride = r == 8 ? 1 : 1009;
      for (std::int32_t g = -static_cast<std::int32_t>(top); g <= static_cast<std::int32_t>(top); g += stride) {
        const Bias bias = bias_of(g, top, 6, r);
        const double outward = g < 0 ? -bias.mean : bias.mean;
        const double rounding = 1e-9 * bias.cell;  // of this double
        if (bias.exact) {
          ASSERT_NEAR(outward, 0.0, rounding) << g << " of " << top;
          ++exact;
        }
        ASSERT_GE(outward, -rounding) << g << " of " << top;
        ASSERT_LT(outward, std::ldexp(bias.cell, -r)) << g << " of " << top;
        largest = std::max(largest, outward / bias.cell);
      }
    }
    std::printf("r = %d: largest bias %.4f · 2^-%d of a cell; %d inputs exactly unbiased\n", r, std::ldexp(largest, r),
                r, exact);
    EXPECT_GT(exact, 0);
  }
}

TEST(LogCode, Values) {  // N19.2: all codes
  for (int code = 0; code < 16; ++code) {
    if (code == 8) continue;  // -0 is no code
    const auto c = static_cast<std::uint8_t>(code);
    ASSERT_EQ(log_value(c), spec::log_code_value(code));
  }
  std::uint64_t saturations = 0;
  EXPECT_EQ(log_encode(0, 1, 6, 0, 8, Rounding::kStochastic, saturations), 0);
  EXPECT_EQ(log_encode(-1, 1000, 6, 255, 8, Rounding::kStochastic, saturations), 0);  // never -0
  EXPECT_EQ(log_encode(-1000, 1000, 6, 255, 8, Rounding::kStochastic, saturations), 15);
  EXPECT_EQ(saturations, 0u);
  EXPECT_EQ(log_encode(1001, 1000, 6, 255, 8, Rounding::kStochastic, saturations), 7);
  EXPECT_EQ(saturations, 1u);
}

TEST(LogCode, HindsightAndUnit) {  // N19.1
  testing::Sweep sweep(0xb1700123);
  for (int trial = 0; trial < 100000; ++trial) {
    const Scale unit{static_cast<std::uint16_t>(sweep.mantissa()), static_cast<std::uint8_t>(sweep.in(5, 50))};
    const auto max = static_cast<std::uint32_t>(sweep.magnitude(kRawLimit));
    const Real mhat = make_real(false, sweep.mantissa(), static_cast<int>(sweep.in(0, 60)));
    const spec::Limited steps = spec::to_integer(spec::over(mhat.word(), word(unit)), 0);
    std::uint64_t limits = 0;
    ASSERT_EQ(log_hindsight_max(mhat, unit, limits), std::max<std::int64_t>(1, steps.value));
    ASSERT_EQ(limits, steps.limited ? 1u : 0u);  // N11.7
    const spec::Word measured = spec::times(spec::integer(max), word(unit));
    const spec::Word next =
        spec::plus(spec::times(mhat.word(), spec::power(-1)), spec::times(measured, spec::power(-1)));
    ASSERT_EQ(log_hindsight_next(mhat, max, unit).word(), next);
    for (const int binades : {4, 6}) {
      std::uint64_t saturations = 0;
      const std::uint32_t top = log_top(max, false);
      const Scale got = log_unit(unit, top, binades, saturations);
      const auto expected = spec::as_scale(spec::times(word(unit), spec::integer(top, binades)));
      ASSERT_TRUE(got.m == expected.m && got.s == expected.s && saturations == (expected.saturated ? 1u : 0u));
    }
  }
}

}  // namespace
}  // namespace bitloom
