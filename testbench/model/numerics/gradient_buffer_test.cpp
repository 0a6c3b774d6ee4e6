#include "model/numerics/gradient_buffer.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "testbench/model/numerics/spec_real.hpp"
#include "testbench/model/numerics/spec_requantize.hpp"
#include "testbench/model/numerics/sweep.hpp"

namespace bitloom {
namespace {

Scale random_unit(testing::Sweep& sweep) {
  return {static_cast<std::uint16_t>(sweep.mantissa()), static_cast<std::uint8_t>(sweep.in(10, 50))};
}

/// The larger of two reals that are not negative.
spec::Word larger(spec::Word a, spec::Word b) { return spec::less(a, b) ? b : a; }

TEST(GradientBuffer, EveryCode) {  // N26.2: the floor, and one more for the lowest F mod 256 words; then ±127
  for (std::int32_t sum = -65536; sum <= 65536; ++sum) {
    const auto below = static_cast<std::int64_t>(spec::floor({sum, 256}));
    const auto part = static_cast<std::uint32_t>(sum - 256 * below);
    std::int64_t total = 0;
    for (std::uint32_t u = 0; u < 256; ++u) {
      const std::int64_t exact = below + (u < part ? 1 : 0);
      const std::int64_t expected = exact > 127 ? 127 : exact < -127 ? -127 : exact;
      std::uint64_t saturations = 0;
      const std::int8_t got = buffer_code(sum, u, saturations);
      ASSERT_TRUE(got == expected && saturations == (exact == expected ? 0u : 1u)) << sum << ", word " << u;
      total += got;
    }
    if (std::abs(sum) <= 127 * 256) {
      ASSERT_EQ(total, sum);  // the mean over all words is the sum itself
    }
  }
}

TEST(GradientBuffer, CodesOfLargeSums) {  // N26.2
  testing::Sweep sweep(0xb1700261);
  for (int trial = 0; trial < 200000; ++trial) {
    const auto sum = static_cast<std::int32_t>(sweep.signed_value(kRawLimit));
    const auto u = static_cast<std::uint32_t>(sweep.in(0, 255));
    std::uint64_t saturations = 0;
    ASSERT_TRUE(buffer_code(sum, u, saturations) == spec::clamp(spec::stochastic(sum, 32768, 23, u, 8), 127)) << sum;
  }
}

TEST(GradientBuffer, StepsSumsAndMeans) {  // N26.1–N26.3
  testing::Sweep sweep(0xb1700262);
  for (int trial = 0; trial < 100000; ++trial) {
    const Scale unit = random_unit(sweep), later = {static_cast<std::uint16_t>(sweep.mantissa()),
                                                    static_cast<std::uint8_t>(unit.s + sweep.in(-2, 2))};
    const double headroom = std::ldexp(static_cast<double>(sweep.in(1, 4)), 1);
    std::vector<std::int32_t> lo, hi;
    spec::Word of_tensor = 0;
    std::vector<spec::Word> of_column;
    for (std::int64_t i = sweep.in(1, 4); i > 0; --i) {
      const auto a = static_cast<std::int32_t>(sweep.signed_value(kRawLimit));
      const auto b = static_cast<std::int32_t>(sweep.signed_value(kRawLimit));
      lo.push_back(std::min(a, b));
      hi.push_back(std::max(a, b));
      const std::int64_t magnitude = std::max(std::abs(std::int64_t{a}), std::abs(std::int64_t{b}));
      of_column.push_back(spec::integer(magnitude));
      of_tensor = larger(of_tensor, of_column.back());
      ASSERT_EQ(buffer_column_max(lo.back(), hi.back()).word(), of_column.back());
    }
    const spec::Word unit_word = spec::integer(unit.m, unit.s);
    const spec::Word least = larger(spec::times(of_tensor, spec::power(-2)), spec::integer(1));
    const spec::Word codes = spec::over(spec::integer(static_cast<std::int64_t>(headroom)), spec::integer(127));
    std::vector<Real> steps;
    spec::Word largest = 0;
    for (const spec::Word of : of_column) {
      steps.push_back(buffer_step(Real::from_word(static_cast<std::uint32_t>(of)),
                                  Real::from_word(static_cast<std::uint32_t>(of_tensor)), unit,
                                  real_constant(headroom)));
      ASSERT_EQ(steps.back().word(), spec::times(spec::times(larger(of, least), unit_word), codes));
      largest = larger(largest, steps.back().word());
    }
    ASSERT_EQ(buffer_common(steps).word(), spec::times(largest, spec::power(-8)));
    const auto gradient = static_cast<std::int32_t>(sweep.in(lo[0], hi[0]));
    const auto code = static_cast<std::int32_t>(sweep.in(-127, 127));
    const Real ratio = buffer_ratio(later, steps[0]);
    ASSERT_EQ(ratio.word(), spec::times(spec::over(spec::integer(later.m, later.s), steps[0].word()), spec::power(8)));
    const spec::Wide exact =
        spec::round_half_up({spec::product16(gradient, ratio.word()) + spec::Wide{code} * 256 * 65536, 65536});
    std::uint64_t saturations = 0;
    ASSERT_TRUE(buffer_sum(code, gradient, ratio, saturations) == spec::clamp(exact, kRawLimit));
    const int parts = static_cast<int>(sweep.in(2, 64));
    const spec::AnyScale mean = spec::as_scale(spec::over(steps[0].word(), spec::integer(parts)));
    const Scale got = buffer_unit(steps[0], parts, saturations);
    ASSERT_TRUE(got.m == mean.m && got.s == mean.s);
  }
}

/// What the buffer promises in real numbers: a first gradient of the column's largest magnitude is 127 / headroom
/// codes, and codes put back are the gradient within a step of rounding.
TEST(GradientBuffer, RealValues) {
  testing::Sweep sweep(0xb1700263);
  for (int trial = 0; trial < 20000; ++trial) {
    const Scale unit = random_unit(sweep);
    const auto max = static_cast<std::int32_t>(sweep.in(1 << 10, 1 << 24));
    const auto gradient = static_cast<std::int32_t>(sweep.in(-max, max));
    const Real of_column = buffer_column_max(-max, 0);
    const Real step = buffer_step(of_column, of_column, unit, from_int(4));
    EXPECT_NEAR(value(step), 4.0 * max * value(unit) / 127, value(step) * 1e-4);
    std::uint64_t saturations = 0;
    const std::int32_t sum = buffer_sum(0, gradient, buffer_ratio(unit, step), saturations);
    EXPECT_NEAR(sum / 256.0 * value(step), gradient * value(unit), value(step) * (1.0 / 512 + 32 * 1e-4));
    EXPECT_EQ(saturations, 0u);
  }
}

TEST(GradientBuffer, MicroBatchesOfAStep) {  // N26.5
  for (std::uint32_t step = 0; step < 12; ++step) {
    const MicroBatch of = micro_batch(step, 4);
    EXPECT_EQ(of.first, step == 0 || step == 4 || step == 8);
    EXPECT_EQ(of.last, step == 3 || step == 7 || step == 11);
    EXPECT_TRUE(micro_batch(step, 0).first && micro_batch(step, 0).last);
  }
}

}  // namespace
}  // namespace bitloom
