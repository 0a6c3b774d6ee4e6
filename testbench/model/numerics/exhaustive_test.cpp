// Golden against the specifications over whole input spaces of up to 2^32 evaluations (label long). The inner loops
// count differences and remember the first; the specification of the innermost variable is hoisted as far as the
// mathematics allows (a rounded mantissa is checked by the two inequalities that define it).
#include <gtest/gtest.h>

#include "model/numerics/functions.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/update.hpp"
#include "testbench/model/numerics/differences.hpp"
#include "testbench/model/numerics/spec_functions.hpp"
#include "testbench/model/numerics/spec_requantize.hpp"

namespace bitloom {
namespace {

using testing::Differences;

/// Is m * 2^-shift the real numerator / denominator rounded half up at that shift, with a mantissa in range? Where m is
/// 2^15 because 2^16 was carried, the rounding happened at the shift above.
bool is_rounded(std::int64_t m, std::int64_t numerator, std::int64_t denominator, int shift) {
  const std::int64_t twice = (numerator << (shift + 1));
  const bool nearest = (2 * m - 1) * denominator <= twice && twice < (2 * m + 1) * denominator;
  if (m == 32768) {
    const std::int64_t twice_above = twice * 2;
    const bool carried = 131071 * denominator <= twice_above && twice_above < 131072 * denominator;
    return carried || (nearest && twice >= 65536 * denominator);
  }
  return m > 32768 && m < 65536 && nearest;
}

TEST(Exhaustive, ProductOfEveryMantissaPair) {  // N2.2
  Differences differences("N2.2");
  for (std::uint32_t a = 32768; a < 65536; ++a) {
    for (std::uint32_t b = 32768; b < 65536; ++b) {
      std::uint64_t saturations = 0;
      const Scale got = mul({static_cast<std::uint16_t>(a), 20}, {static_cast<std::uint16_t>(b), 20}, saturations);
      // a * b / 2^30 lies in [1, 4): the result's own shift is got.s - 40 + 30 = 15 or 14 (13 after a carry).
      const int shift = got.s - 10;
      const bool ok = shift >= 13 && shift <= 15 && saturations == 0 &&
                      is_rounded(got.m, std::int64_t{a} * b, std::int64_t{1} << 30, shift);
      differences.add(ok, a, b);
    }
  }
  differences.expect_none(std::uint64_t{1} << 30);
}

TEST(Exhaustive, QuotientOfEveryMantissaPair) {  // N2.3
  Differences differences("N2.3");
  for (std::uint32_t a = 32768; a < 65536; ++a) {
    for (std::uint32_t b = 32768; b < 65536; ++b) {
      std::uint64_t saturations = 0;
      const Scale got = div({static_cast<std::uint16_t>(a), 20}, {static_cast<std::uint16_t>(b), 20}, saturations);
      const bool ok = got.s >= 14 && got.s <= 16 && saturations == 0 && is_rounded(got.m, a, b, got.s);
      differences.add(ok, a, b);
    }
  }
  differences.expect_none(std::uint64_t{1} << 30);
}

TEST(Exhaustive, StochasticEvery16BitOperandShiftAndWord) {  // N3.4: 2^16 operands, 64 shifts, 4 mantissas, 2^8 words
  Differences differences("N3.4, r = 8");
  for (const std::uint32_t m : {32768u, 32769u, 43691u, 65535u}) {
    for (int s = 0; s < 64; ++s) {
      const Scale ratio{static_cast<std::uint16_t>(m), static_cast<std::uint8_t>(s)};
      for (std::int64_t x = -32768; x < 32768; ++x) {
        const spec::Chance expected = spec::chance(spec::exact_product(x, m, s), 8);
        const auto below = static_cast<std::int64_t>(expected.below);
        const auto words_up = static_cast<std::uint32_t>(expected.words_up);
        std::uint32_t wrong = 0;
        for (std::uint32_t u = 0; u < 256; ++u) {
          const std::int64_t y = requantize(x, ratio, Rounding::kStochastic, u, 8);
          wrong += y != below + (u < words_up ? 1 : 0) ? 1u : 0u;
        }
        differences.add(wrong == 0, static_cast<std::uint64_t>(x), word(ratio), 256);
      }
    }
  }
  differences.expect_none(std::uint64_t{1} << 32);
}

TEST(Exhaustive, OtherRoundingsEvery16BitOperandAndShift) {  // N3.1 to N3.3
  Differences differences("N3.1, N3.2, N3.3");
  for (const std::uint32_t m : {32768u, 32769u, 43691u, 49152u, 65534u, 65535u}) {
    for (int s = 0; s < 64; ++s) {
      const Scale ratio{static_cast<std::uint16_t>(m), static_cast<std::uint8_t>(s)};
      for (std::int64_t x = -32768; x < 32768; ++x) {
        const bool ok = requantize(x, ratio, Rounding::kHalfUp) == spec::half_up(x, m, s) &&
                        requantize(x, ratio, Rounding::kNearestEven) == spec::nearest_even(x, m, s) &&
                        requantize(x, ratio, Rounding::kFloor) == spec::toward_minus_infinity(x, m, s);
        differences.add(ok, static_cast<std::uint64_t>(x), word(ratio));
      }
    }
  }
  differences.expect_none(65536ull * 64 * 6);
}

TEST(Exhaustive, Log2FixEverySum) {  // N8.2
  Differences differences("N8.2");
  for (int n = 0; n < 32; ++n) {
    const std::int64_t end = std::int64_t{2} << n;
    for (std::int64_t sum = std::int64_t{1} << n; sum < end; ++sum) {
      differences.add(log2fix(static_cast<std::uint32_t>(sum)) == spec::log2fix(sum, n),
                      static_cast<std::uint64_t>(sum), 0);
    }
  }
  differences.expect_none((std::uint64_t{1} << 32) - 1);
}

TEST(Exhaustive, RecipEverySum) {  // N8.3
  Differences differences("N8.3");
  constexpr std::int64_t kTwice = std::int64_t{1} << 48;
  for (std::int64_t sum = 65536; sum < (std::int64_t{1} << 32); ++sum) {
    const std::int64_t r = recip(static_cast<std::uint32_t>(sum));
    // r is 2^47 / sum rounded half up: (r - 1/2) * sum <= 2^47 < (r + 1/2) * sum.
    differences.add((2 * r - 1) * sum <= kTwice && kTwice < (2 * r + 1) * sum, static_cast<std::uint64_t>(sum), 0);
  }
  differences.expect_none((std::uint64_t{1} << 32) - 65536);
}

TEST(Exhaustive, UpdateEveryFractionAndWord) {  // N9: 2^16 fractions, 2^16 words
  Differences differences("N9");
  std::uint64_t saturations = 0;
  for (std::int32_t fraction = 0; fraction < 65536; ++fraction) {
    std::uint32_t wrong = 0;
    for (std::int32_t u = 0; u < 65536; ++u) {
      const std::int32_t v =
          update_momentum(0, fraction - 3 * 65536, 0, power_of_two(16), static_cast<std::uint32_t>(u), saturations);
      wrong += v != (u < fraction ? -2 : -3) ? 1u : 0u;
    }
    differences.add(wrong == 0, static_cast<std::uint64_t>(fraction), wrong, 65536);
  }
  EXPECT_EQ(saturations, 0u);
  differences.expect_none(std::uint64_t{1} << 32);
}

}  // namespace
}  // namespace bitloom
