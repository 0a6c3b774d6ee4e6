#include "model/numerics/adam.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "model/numerics/polyline.hpp"
#include "testbench/model/numerics/adam_block.hpp"
#include "testbench/model/numerics/spec_adam.hpp"
#include "testbench/model/numerics/spec_codes.hpp"
#include "testbench/model/numerics/spec_polyline.hpp"
#include "testbench/model/numerics/sweep.hpp"

namespace bitloom {
namespace {

using testing::Block;

Scale random_scale(testing::Sweep& sweep, int low, int high) {
  return {static_cast<std::uint16_t>(sweep.mantissa()), static_cast<std::uint8_t>(sweep.in(low, high))};
}

TEST(Adam, BlocksEqualSpecification) {  // N25.1 to N25.4, N25.6, over consecutive steps
  testing::Sweep sweep(0xb1700161);
  std::int64_t limited = 0, elements = 0;
  for (int trial = 0; trial < 3000; ++trial) {
    const auto n = static_cast<std::size_t>(sweep.in(1, 12));
    AdamRates rates{static_cast<std::uint32_t>(sweep.in(1, 65535)), static_cast<std::uint32_t>(sweep.in(1, 65535)),
                    make_real(false, sweep.mantissa(), static_cast<int>(sweep.in(20, 70))),
                    sweep.in(0, 1) != 0 ? 8 : 16};
    const spec::AdamConstants constants{rates.beta1, rates.beta2, rates.epsilon.word(), rates.bits};
    Block block(n);
    spec::AdamState expected{std::vector<std::int64_t>(n, 0), std::vector<std::int64_t>(n, 0)};
    const int shift = static_cast<int>(sweep.in(4, 55));
    for (int t = 0; t < 6; ++t) {
      const Scale unit = random_scale(sweep, shift, shift + 8);
      const std::int64_t largest = sweep.magnitude(kRawLimit);
      std::vector<std::int64_t> gradient(n);
      std::int64_t max = 0;
      for (auto& g : gradient) {
        g = sweep.in(0, 4) == 0 ? 0 : sweep.signed_value(largest);
        max = std::max(max, std::abs(g));
      }
      std::uint64_t saturations = 0;
      const auto steps = block.step(gradient, static_cast<std::uint32_t>(max), unit, rates, saturations);
      const auto result = spec::adam_block(expected, gradient, max, word(unit), constants);
      ASSERT_EQ(steps, result.steps) << "trial " << trial << " step " << t;
      ASSERT_EQ(static_cast<std::int64_t>(saturations), result.limited);
      ASSERT_EQ(std::vector<std::int64_t>(block.m_codes.begin(), block.m_codes.end()), expected.m_codes);
      ASSERT_EQ(std::vector<std::int64_t>(block.r_codes.begin(), block.r_codes.end()), expected.r_codes);
      ASSERT_EQ(block.state.m_step.word(), expected.m_step);
      ASSERT_EQ(block.state.r_lo.word(), expected.r_lo);
      ASSERT_EQ(block.state.r_step.word(), expected.r_step);
      limited += result.limited;
      elements += static_cast<std::int64_t>(n);
    }
  }
  std::printf("%lld element steps, %lld of them limited\n", static_cast<long long>(elements),
              static_cast<long long>(limited));
  EXPECT_GT(limited, 100);
}

TEST(Adam, IntegersStayInRange) {  // N25.2, N25.3: what 64 bits rely on
  testing::Sweep sweep(0xb1700162);
  for (int trial = 0; trial < 200000; ++trial) {
    const AdamRates rates{1, 65535, {}, sweep.in(0, 1) != 0 ? 8 : 16};
    const Real step = make_real(false, sweep.mantissa(), static_cast<int>(sweep.in(20, 60)));
    const AdamBlock block{sweep.in(0, 1) != 0 ? step : Real{}, sweep.in(0, 1) != 0 ? step : Real{}, step};
    const auto max = static_cast<std::uint32_t>(sweep.magnitude(kRawLimit));
    const AdamFactors f = adam_factors(block, rates, max, random_scale(sweep, 32, 63));
    const std::int64_t bound = (std::int64_t{1} << 30) + (1 << 16);  // 2^30 and the roundings of the factors
    EXPECT_LE(std::abs(adam_integer(max, f.g)), bound);
    EXPECT_LE(adam_integer(rates.m_limit(), f.m), bound);
    EXPECT_LE(f.r_lo + adam_integer(rates.r_limit(), f.r), bound);
  }
}

TEST(Adam, MasterAndRate) {  // N25.5, N25.7
  testing::Sweep sweep(0xb1700163);
  for (int trial = 0; trial < 200000; ++trial) {
    const auto master = static_cast<std::int32_t>(sweep.signed_value(kMasterLimit));
    const std::int64_t step = sweep.signed_value(kAdamStepLimit);
    const Real rate = make_real(false, sweep.mantissa(), static_cast<int>(sweep.in(15, 40)));
    const Scale unit = random_scale(sweep, 25, 40);
    const spec::Word ratio = spec::times(spec::over(rate.word(), word(unit)), spec::power(-16));
    ASSERT_EQ(adam_ratio(rate, unit).word(), ratio);
    const auto u = static_cast<std::uint32_t>(sweep.magnitude(65535));
    const spec::Chance chance = spec::chance({spec::Wide{master} * 65536 - spec::product16(step, ratio), 65536}, 16);
    const spec::Wide exact = chance.below + (spec::Wide{u} < chance.words_up ? 1 : 0);
    std::uint64_t saturations = 0;
    ASSERT_TRUE(adam_master(master, step, Real{ratio}, kMasterLimit, u, saturations) ==
                spec::clamp(exact, kMasterLimit));
    ASSERT_EQ(saturations, exact == spec::clamp(exact, kMasterLimit) ? 0u : 1u);
  }
}

TEST(Adam, LatentWeights) {  // N25.8: codes of LWQ's weights, less a step
  testing::Sweep sweep(0xb1700166);
  int moved = 0, limited = 0;
  for (int trial = 0; trial < 200000; ++trial) {
    const std::int64_t step = sweep.signed_value(kAdamStepLimit);
    const Real rate = make_real(false, sweep.mantissa(), static_cast<int>(sweep.in(15, 40)));
    const Scale s_w = random_scale(sweep, 15, 40);
    const spec::Word ratio = spec::times(spec::over(rate.word(), word(s_w)), spec::power(-16));
    const spec::Wide exact = spec::product16(step, ratio);
    const auto delta = static_cast<std::int64_t>(spec::clamp(exact, spec::power_of_two(30)));
    std::uint64_t saturations = 0;
    ASSERT_EQ(lwq_delta(step, adam_ratio(rate, s_w), saturations), delta);
    ASSERT_EQ(saturations, exact == delta ? 0u : 1u);
    limited += exact == delta ? 0 : 1;
    const int limit = sweep.in(0, 1) != 0 ? 127 : 7;
    const spec::Residual from{sweep.signed_value(limit), static_cast<int>(sweep.in(-8, 7))};
    const auto read = static_cast<int>(sweep.in(0, 3)), write = static_cast<int>(sweep.in(0, 3));
    const auto u = static_cast<std::uint32_t>(sweep.magnitude(65535));
    const std::int64_t next = spec::latent_value(from, read) - delta;
    const spec::LatentCell cell = spec::latent_cell(next, write);
    const spec::FoundCode to =
        spec::code_of_value(u < spec::words_above(cell.distance, 16) ? cell.outer : cell.inner, write, limit);
    saturations = 0;
    const LatentCode code{static_cast<std::int8_t>(from.q), static_cast<std::int8_t>(from.s)};
    const LatentCode got =
        polyline_encode(polyline_decode(code, read) - delta, write, u, Rounding::kStochastic, limit, saturations);
    ASSERT_TRUE(to.found && got.q == to.code.q && got.s == to.code.s && saturations == (to.saturated ? 1u : 0u))
        << "trial " << trial;
    moved += got == code ? 0 : 1;
  }
  std::printf("%d of 200000 weights moved, %d changes limited\n", moved, limited);
  EXPECT_GT(moved, 10000);
  EXPECT_GT(limited, 1000);
}

TEST(Adam, StepOfOneMovesALatentWeightByTheRate) {  // N25.8: q has 16 fraction bits, the change too
  std::uint64_t saturations = 0;
  for (const double steps : {0.25, 1.0, 3.5}) {  // of a rate of 0.0625 by scales of 2^-7: eight integer steps
    const auto q = static_cast<std::int64_t>(std::ldexp(steps, 16));
    const Real ratio = adam_ratio(real_constant(0.0625), power_of_two(7));
    EXPECT_EQ(lwq_delta(q, ratio, saturations), std::llround(std::ldexp(8 * steps, 16))) << steps;
  }
  EXPECT_EQ(saturations, 0u);
}

TEST(Adam, BiasCorrection) {  // N25.7 against the formula: each power gains one rounding of 2^-16 a step
  const AdamRates rates{58982, 65470, {}, 8};
  const double beta1 = 58982 / 65536.0, beta2 = 65470 / 65536.0, e = std::ldexp(1.0, -16);
  AdamPowers powers;
  double largest = 0;
  for (int t = 1; t <= 20000; ++t) {
    powers = adam_next(powers, rates);
    const double p1 = std::pow(beta1, t), p2 = std::pow(beta2, t);
    const double expected = 0.01 * std::sqrt(1 - p2) / (1 - p1);
    const double got = value(adam_rate(real_constant(0.01), powers));
    // relative: t roundings in a power, seen through 1 - power; the sums, root, quotient and product 7 roundings
    const double tolerance = e * (t * p1 / (1 - p1) + 0.5 * t * p2 / (1 - p2) + 7);
    largest = std::max(largest, std::fabs(got / expected - 1) / tolerance);
    ASSERT_LE(std::fabs(got / expected - 1), tolerance) << t;
  }
  std::printf("largest error: %.3f of the tolerance\n", largest);
}

TEST(Adam, CodesAreNearAndRootsDoNotVanish) {  // N25.6: up to the rounding of reals; m = 0 stays 0
  testing::Sweep sweep(0xb1700164);
  for (int trial = 0; trial < 20000; ++trial) {
    const AdamRates rates{58982, 65470, {}, sweep.in(0, 1) != 0 ? 8 : 16};
    AdamFactors f;
    f.shift = 40;
    std::vector<std::int64_t> roots(8);
    for (auto& r : roots) r = sweep.magnitude((1 << 30) - 1);
    const auto [low, high] = std::minmax_element(roots.begin(), roots.end());
    const AdamCoder coder = adam_coder(sweep.magnitude(1 << 30), *low, *high, f, rates);
    for (const std::int64_t r : roots) {
      const double decoded = value(coder.block.r_lo) + adam_r_code(r, coder, rates) * value(coder.block.r_step);
      const double places = std::ldexp(static_cast<double>(r), -40);
      const double slack = std::ldexp(value(coder.block.r_lo) + places, -14);
      const double step = value(coder.block.r_step);
      ASSERT_LE(std::fabs(decoded - places),
                (r == *low ? 0 : (adam_r_code(r, coder, rates) == 1 ? 1 : 0.5)) * step + slack)
          << r;
      ASSERT_GE(decoded, places / 1.5 - slack) << r;
    }
    ASSERT_EQ(adam_m_code(0, coder, rates), 0);
  }
}

TEST(Adam, FollowsAdamInDoublePrecision) {  // the rule as a whole: a quadratic bowl, 16-bit and 8-bit states
  for (const int bits : {8, 16}) {
    const AdamRates rates{58982, 65470, real_constant(1e-8), bits};
    const double beta1 = 58982 / 65536.0, beta2 = 65470 / 65536.0, lr = 0.01;
    const std::vector<double> curvature{1.0, 0.5, 0.7, 0.25};
    std::vector<double> exact{1.0, -0.8, 0.5, 0.9}, coded = exact, m(4, 0.0), v(4, 0.0);
    Block block(4);
    AdamPowers powers;
    double largest = 0;
    for (int t = 1; t <= 60; ++t) {
      powers = adam_next(powers, rates);
      std::vector<std::int64_t> gradient(4);
      std::int64_t max = 0;
      for (std::size_t i = 0; i < 4; ++i) {
        const double g = curvature[i] * exact[i];
        m[i] = beta1 * m[i] + (1 - beta1) * g;
        v[i] = beta2 * v[i] + (1 - beta2) * g * g;
        exact[i] -= lr * std::sqrt(1 - std::pow(beta2, t)) / (1 - std::pow(beta1, t)) * m[i] / (std::sqrt(v[i]) + 1e-8);
        gradient[i] = std::lround(std::ldexp(curvature[i] * coded[i], 20));
        max = std::max(max, std::abs(gradient[i]));
      }
      std::uint64_t saturations = 0;
      const auto steps = block.step(gradient, static_cast<std::uint32_t>(max), power_of_two(20), rates, saturations);
      const double rate = value(adam_rate(real_constant(lr), powers));
      for (std::size_t i = 0; i < 4; ++i) {
        coded[i] -= rate * std::ldexp(static_cast<double>(steps[i]), -16);
        largest = std::max(largest, std::fabs(coded[i] - exact[i]));
      }
      EXPECT_EQ(saturations, 0u);
    }
    std::printf("%d-bit states: largest distance after 60 steps of about 0.01: %.5f\n", bits, largest);
    EXPECT_LT(largest, bits == 8 ? 0.06 : 0.002) << bits;
    for (const double w : coded) EXPECT_LT(std::fabs(w), 0.6);
  }
}

TEST(Adam, WeightsWithoutGradientStay) {  // N25.6: why m is symmetric and a small √v keeps a code
  const AdamRates rates{58982, 65470, real_constant(1e-8), 8};
  testing::Sweep sweep(0xb1700165);
  Block block(64);
  std::uint64_t saturations = 0;
  std::int64_t largest = 0;
  for (int t = 0; t < 200; ++t) {
    std::vector<std::int64_t> gradient(64);
    for (std::size_t i = 0; i < 64; ++i) {
      gradient[i] = i == 0 ? 0 : (i < 32 ? sweep.in(-1000000, 1000000) : sweep.in(-100, 100));
    }
    const auto steps = block.step(gradient, 1000000, power_of_two(20), rates, saturations);
    ASSERT_EQ(steps[0], 0) << t;
    for (const std::int64_t q : steps) largest = std::max(largest, std::abs(q));
  }
  EXPECT_EQ(saturations, 0u);
  std::printf("largest |m / sqrt v|: %.2f\n", std::ldexp(static_cast<double>(largest), -16));
  // Gradients of one sign give (1 - beta1^t) / √(1 - beta2^t), at most 6.6; the small gradients are 10^-4 of the
  // largest, below one step of the codes, and must not give more.
  EXPECT_LT(largest, 7 * 65536);
}

}  // namespace
}  // namespace bitloom
