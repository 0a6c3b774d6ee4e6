#include "model/numerics/affine.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "model/numerics/sawb.hpp"
#include "model/numerics/statistics.hpp"
#include "testbench/model/numerics/spec_real.hpp"
#include "testbench/model/numerics/sweep.hpp"

namespace bitloom {
namespace {

Real random_real(testing::Sweep& sweep) {
  if (sweep.in(0, 20) == 0) return {};
  const bool wide = sweep.in(0, 7) == 0;
  const int s = static_cast<int>(wide ? sweep.in(kRealMinShift, kRealMaxShift) : sweep.in(-2, 65));
  return make_real(sweep.in(0, 1) != 0, sweep.mantissa(), s);
}

TEST(Affine, ProductAndCombination) {  // N12
  testing::Sweep sweep(0xb1700111);
  int limited = 0;
  for (int trial = 0; trial < 500000; ++trial) {
    const Real a = random_real(sweep), b = random_real(sweep);
    const auto u = static_cast<std::int32_t>(sweep.signed_value(kRawLimit));
    const auto v = static_cast<std::int32_t>(sweep.signed_value(kRawLimit));
    const auto c = static_cast<std::int32_t>(sweep.signed_value(kRawLimit));
    const spec::Wide ua = spec::product16(u, a.word()), vb = spec::product16(v, b.word());
    ASSERT_TRUE(real_product(u, a) == ua) << u << " * " << std::hex << a.word();
    std::uint64_t saturations = 0;
    const std::int32_t got = affine(u, a, v, b, c, saturations);
    const spec::Wide exact = spec::round_half_up({ua + vb + spec::Wide{c} * 65536, 65536});
    const spec::Wide expected = spec::clamp(exact, kRawLimit);
    ASSERT_TRUE(got == expected && saturations == (exact == expected ? 0u : 1u))
        << u << " " << v << " " << c << std::hex << " " << a.word() << " " << b.word();
    limited += exact == expected ? 0 : 1;
  }
  EXPECT_GT(limited, 10000);
}

TEST(Affine, KnownAnswers) {  // N12
  std::uint64_t saturations = 0;
  EXPECT_EQ(affine(3, exp2_real(-1), 0, {}, 0, saturations), 2);         // 1.5, half up
  EXPECT_EQ(affine(-3, exp2_real(-1), 0, {}, 0, saturations), -1);       // -1.5
  EXPECT_EQ(affine(3, rneg(exp2_real(-1)), 0, {}, 0, saturations), -1);  // the same sum
  EXPECT_EQ(affine(10, from_int(3), 4, from_int(-5), 7, saturations), 17);
  EXPECT_EQ(saturations, 0u);
  EXPECT_EQ(affine(1, from_int(1 << 20), 0, {}, 0, saturations), 65535);  // a factor beyond 65535 acts as 65535
}

TEST(Statistics, ShiftOfEveryMaximum) {  // N13.1
  testing::Sweep sweep(0xb1700112);
  for (int trial = 0; trial < 300000; ++trial) {
    const auto max = static_cast<std::int32_t>(sweep.magnitude(kRawLimit));
    int expected = 0;
    while (max >= (std::int64_t{32768} << expected)) ++expected;
    const int shift = statistics_shift(static_cast<std::uint32_t>(max));
    ASSERT_EQ(shift, expected) << max;
    for (const std::int32_t u : {max, -max, static_cast<std::int32_t>(sweep.in(-max, max))}) {
      const std::int32_t t = shifted(u, shift);
      ASSERT_TRUE(t == spec::round_half_up({u, spec::power_of_two(shift)})) << u << " >> " << shift;
      ASSERT_LE(std::abs(t), 32768);
    }
  }
  EXPECT_EQ(statistics_shift(0), 0);
}

/// Draws a tensor like weights or activations, as raw views.
std::vector<std::int32_t> tensor(testing::Sweep& sweep, std::size_t n, bool positive) {
  const double width = std::ldexp(1.0, static_cast<int>(sweep.in(4, 26)));
  std::vector<std::int32_t> values(n);
  for (auto& u : values) {
    double sum = 0;
    for (int i = 0; i < 4; ++i) sum += std::ldexp(static_cast<double>(sweep.bits() >> 11), -53) - 0.5;
    u = static_cast<std::int32_t>(std::lround(sum * width));
    if (positive && u < 0) u = 0;
  }
  return values;
}

TEST(Sawb, AgreesWithTheFormula) {  // N18 against its formula in long double
  // Tolerance: 16 bits to the nearest is a relative error of at most e = 2^-16 an operation. mean has 3 of them, rms
  // half of 3 and two for the root (1.6), each product with its constant 2; then what follows at most 5, and the
  // shifted sums know each element to half a unit of t, so mean and rms too.
  testing::Sweep sweep(0xb1700113);
  const double e = std::ldexp(1.0, -16), c1 = 12.035, c2 = 12.03;
  double largest = 0;
  for (int trial = 0; trial < 300; ++trial) {
    const bool positive = sweep.in(0, 1) != 0;
    const auto values = tensor(sweep, static_cast<std::size_t>(sweep.in(1, 700)), positive);
    SawbSums sums{static_cast<std::int64_t>(values.size()), 0, 0, 0};
    for (const std::int32_t u : values) sums.max = std::max(sums.max, static_cast<std::uint32_t>(std::abs(u)));
    const int shift = statistics_shift(sums.max);
    long double absolute = 0, square = 0;
    for (const std::int32_t u : values) {
      const std::int64_t t = shifted(u, shift);
      sums.absolute += std::abs(t);
      sums.square += t * t;
      absolute += std::abs(static_cast<long double>(u));
      square += static_cast<long double>(u) * u;
    }
    const auto n = static_cast<long double>(values.size());
    const double mean = static_cast<double>(absolute / n), rms = static_cast<double>(std::sqrt(square / n));
    double clip = std::max(c1 * rms - c2 * mean, mean) * (positive ? 2 : 1);
    clip = std::min(clip, static_cast<double>(sums.max));
    std::uint64_t saturations = 0;
    const Scale got = sawb_scale(sums, power_of_two(20), real_constant(c1), real_constant(c2), positive, saturations);
    if (sums.max == 0) {
      EXPECT_EQ(got, kOne);
      continue;
    }
    const double half_unit = shift > 0 ? std::ldexp(0.5, shift) : 0.0;
    const double alpha_error = e * (5.6 * c1 * rms + 5 * c2 * mean) + (c1 + c2) * half_unit;
    const double tolerance = alpha_error * (positive ? 2 : 1) + 5 * e * clip;
    const double expected = std::ldexp(clip, -20) / (positive ? 15 : 7);
    const double error = std::fabs(value(got) - expected) / (std::ldexp(tolerance, -20) / (positive ? 15 : 7));
    EXPECT_LE(error, 1.0) << "trial " << trial << ": " << value(got) << " for " << expected;
    largest = std::max(largest, error);
  }
  std::printf("largest error: %.3f of the tolerance\n", largest);
}

}  // namespace
}  // namespace bitloom
