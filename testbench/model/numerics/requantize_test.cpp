#include <gtest/gtest.h>

#include <cmath>

#include "model/numerics/numbers.hpp"
#include "testbench/model/numerics/spec_requantize.hpp"
#include "testbench/model/numerics/sweep.hpp"

namespace bitloom {
namespace {

constexpr std::int64_t kMaxOperand = (std::int64_t{1} << 46) - 1;
constexpr std::uint32_t kBoundaryMantissas[] = {32768, 32769, 43691, 49152, 65534, 65535};

Scale scale(std::uint32_t m, int s) { return {static_cast<std::uint16_t>(m), static_cast<std::uint8_t>(s)}; }

/// Checks all deterministic roundings of one operand, and the stochastic one with one word of each width.
void expect_roundings(std::int64_t x, std::uint32_t m, int s, std::uint32_t u) {
  const Scale ratio = scale(m, s);
  const bool equal = requantize(x, ratio, Rounding::kHalfUp) == spec::half_up(x, m, s) &&
                     requantize(x, ratio, Rounding::kNearestEven) == spec::nearest_even(x, m, s) &&
                     requantize(x, ratio, Rounding::kFloor) == spec::toward_minus_infinity(x, m, s) &&
                     requantize(x, ratio, Rounding::kStochastic, u & 255, 8) == spec::stochastic(x, m, s, u & 255, 8) &&
                     requantize(x, ratio, Rounding::kStochastic, u, 16) == spec::stochastic(x, m, s, u, 16);
  if (!equal) ADD_FAILURE() << "x " << x << ", ratio (" << m << ", " << s << "), u " << u;
}

TEST(Requantize, EveryShiftAtBoundaries) {  // N3.1 to N3.4
  for (int s = 0; s < 64; ++s) {
    for (const std::uint32_t m : kBoundaryMantissas) {
      for (int width = 0; width <= 46; ++width) {
        for (std::int64_t offset = -3; offset <= 3; ++offset) {
          const std::int64_t x = std::min((std::int64_t{1} << width) + offset, kMaxOperand);
          for (const std::uint32_t u : {0u, 1u, 127u, 128u, 255u, 32767u, 65535u}) {
            expect_roundings(x, m, s, u);
            expect_roundings(-x, m, s, u);
          }
        }
      }
    }
  }
}

TEST(Requantize, Random) {  // N3.1 to N3.4
  testing::Sweep sweep(0xb1700011);
  for (int trial = 0; trial < 2000000; ++trial) {
    expect_roundings(sweep.signed_value(kMaxOperand), sweep.mantissa(), static_cast<int>(sweep.in(0, 63)),
                     static_cast<std::uint32_t>(sweep.bits() & 65535u));
  }
}

TEST(Requantize, KnownAnswers) {
  const Scale half = power_of_two(1);
  EXPECT_EQ(requantize(3, half, Rounding::kHalfUp), 2);
  EXPECT_EQ(requantize(-3, half, Rounding::kHalfUp), -1);
  EXPECT_EQ(requantize(5, half, Rounding::kNearestEven), 2);
  EXPECT_EQ(requantize(-3, half, Rounding::kNearestEven), -2);
  EXPECT_EQ(requantize(-3, half, Rounding::kFloor), -2);
  EXPECT_EQ(requantize(3, half, Rounding::kStochastic, 127), 2);
  EXPECT_EQ(requantize(3, half, Rounding::kStochastic, 128), 1);
  EXPECT_EQ(requantize(-7, kOne, Rounding::kStochastic, 0), -7);
}

TEST(Requantize, EveryWordCountsOnce) {  // N3.4: how many words round up; every 16-bit x is in exhaustive_test
  for (int s = 0; s < 64; ++s) {
    for (const std::uint32_t m : kBoundaryMantissas) {
      for (std::int64_t x = -32768; x < 32768; x += 251) {
        const spec::Chance expected = spec::chance(spec::exact_product(x, m, s), 8);
        const auto floor = static_cast<std::int64_t>(expected.below);
        int words_up = 0;
        for (std::uint32_t u = 0; u < 256; ++u) {
          const std::int64_t y = requantize(x, scale(m, s), Rounding::kStochastic, u, 8);
          ASSERT_TRUE(y == floor || y == floor + 1) << x << " " << m << " " << s << " " << u;
          words_up += y == floor + 1 ? 1 : 0;
        }
        ASSERT_EQ(words_up, static_cast<int>(expected.words_up)) << x << " " << m << " " << s;
      }
    }
  }
}

TEST(Requantize, SixteenBitWordCounts) {  // N3.4 with r = 16
  testing::Sweep sweep(0xb1700012);
  for (int trial = 0; trial < 300; ++trial) {
    const std::int64_t x = sweep.signed_value(kMaxOperand);
    const std::uint32_t m = sweep.mantissa();
    const int s = static_cast<int>(sweep.in(0, 63));
    const spec::Chance expected = spec::chance(spec::exact_product(x, m, s), 16);
    std::int64_t words_up = 0;
    for (std::uint32_t u = 0; u < 65536; ++u) {
      words_up += requantize(x, scale(m, s), Rounding::kStochastic, u, 16) - static_cast<std::int64_t>(expected.below);
    }
    ASSERT_EQ(words_up, static_cast<std::int64_t>(expected.words_up)) << x << " " << m << " " << s;
  }
}

/// Bias of the rule over every distance d in [0, 2^s), counted with golden: the expected result minus the exact value,
/// in steps. A ratio of 1 * 2^-s is the mantissa 2^15 with the shift s + 15, so that x itself is the distance.
struct Bias {
  double worst = 0.0;
  double mean = 0.0;
  std::int64_t inexact = 0;  ///< distances where 2^r * d / 2^s is no integer
  bool exact_elsewhere = true;
};

Bias measure_bias(int s, int r) {
  Bias bias;
  const std::int64_t distances = std::int64_t{1} << s;
  const std::int64_t words = std::int64_t{1} << r;
  for (std::int64_t d = 0; d < distances; ++d) {
    std::int64_t up = 0;
    for (std::int64_t u = 0; u < words; ++u) {
      up += requantize(d, scale(32768, s + 15), Rounding::kStochastic, static_cast<std::uint32_t>(u), r);
    }
    const double error = std::ldexp(static_cast<double>((up << s) - (d << r)), -r - s);  // exact in double
    if ((d << r) % distances == 0) {
      bias.exact_elsewhere = bias.exact_elsewhere && error == 0.0;
    } else {
      ++bias.inexact;
    }
    bias.worst = std::max(bias.worst, std::fabs(error));
    bias.mean += error;
  }
  bias.mean /= static_cast<double>(distances);
  return bias;
}

TEST(Requantize, BiasIsZeroOrBounded) {  // N3.4
  for (int s = 1; s <= 16; ++s) {
    const Bias bias = measure_bias(s, 8);
    std::printf("r 8, s %2d: %5lld of %5lld distances inexact, worst bias %.9f of a step, mean %+.9f\n", s,
                static_cast<long long>(bias.inexact), 1LL << s, bias.worst, bias.mean);
    EXPECT_TRUE(bias.exact_elsewhere) << s;
    EXPECT_LE(bias.worst, std::ldexp(1.0, -9)) << s;
    EXPECT_EQ(bias.inexact == 0, s <= 8);
    EXPECT_EQ(bias.mean, s <= 8 ? 0.0 : std::ldexp(1.0, -s - 1)) << s;
  }
}

TEST(Requantize, ClampCounts) {  // N3.5
  std::uint64_t saturations = 0;
  EXPECT_EQ(requantize_to(1000, kOne, Rounding::kHalfUp, 0, 8, 127, saturations), 127);
  EXPECT_EQ(requantize_to(-1000, kOne, Rounding::kHalfUp, 0, 8, 127, saturations), -127);
  EXPECT_EQ(requantize_to(-128, kOne, Rounding::kHalfUp, 0, 8, 127, saturations), -127);
  EXPECT_EQ(saturations, 3u);
  EXPECT_EQ(requantize_to(127, kOne, Rounding::kHalfUp, 0, 8, 127, saturations), 127);
  EXPECT_EQ(requantize_to(-127, kOne, Rounding::kHalfUp, 0, 8, 127, saturations), -127);
  EXPECT_EQ(saturations, 3u);
}

TEST(Fixed16, EveryShiftAndRandom) {  // N3.6
  testing::Sweep sweep(0xb1700013);
  constexpr std::int64_t kLimit = (std::int64_t{1} << 33) - 1;
  for (int s = 0; s < 64; ++s) {
    for (int trial = 0; trial < 20000; ++trial) {
      const std::int64_t x = sweep.signed_value(kLimit);
      const std::uint32_t m = sweep.mantissa();
      ASSERT_TRUE(fixed16(x, scale(m, s)) == spec::fixed16(x, m, s)) << x << " (" << m << ", " << s << ")";
    }
  }
  EXPECT_EQ(fixed16(1, kOne), 65536);
  EXPECT_EQ(fixed16(-3, power_of_two(17)), -1);  // -1.5 goes up
  EXPECT_EQ(fixed16(kLimit, {65535, 0}), (std::int64_t{1} << 46) - 1);
  EXPECT_EQ(fixed16(-kLimit, {65535, 0}), -(std::int64_t{1} << 46) + 1);
}

}  // namespace
}  // namespace bitloom
