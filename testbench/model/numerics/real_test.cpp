#include "model/numerics/real.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "testbench/model/numerics/spec_real.hpp"
#include "testbench/model/numerics/sweep.hpp"

namespace bitloom {
namespace {

Real make(std::uint32_t m, int s, bool negative) { return make_real(negative, m, s); }

/// Any real, zero among them; shifts from `low` to `high`.
Real random_real(testing::Sweep& sweep, int low = kRealMinShift, int high = kRealMaxShift) {
  if (sweep.in(0, 40) == 0) return {};
  return make(sweep.mantissa(), static_cast<int>(sweep.in(low, high)), sweep.in(0, 1) != 0);
}

/// Draws a real near `a`, so that sums cancel and comparisons tie.
Real near(testing::Sweep& sweep, Real a) {
  if (a.is_zero()) return a;
  const std::int64_t m = std::clamp<std::int64_t>(a.m() + sweep.in(-2, 2), 32768, 65535);
  const int s = std::clamp(a.s() + static_cast<int>(sweep.in(-2, 34) > 30 ? sweep.in(-2, 34) : sweep.in(-1, 1)),
                           kRealMinShift, kRealMaxShift);
  return make(static_cast<std::uint32_t>(m), s, sweep.in(0, 1) != 0);
}

#define EXPECT_WORD(got, expected, what) \
  if ((got).word() != (expected))        \
  ADD_FAILURE() << what << ": got " << std::hex << (got).word() << ", expected " << (expected)

std::string hex(Real a) {
  char text[16];
  std::snprintf(text, sizeof text, "%08x", a.word());
  return text;
}

TEST(Real, WordsAndKnownAnswers) {  // N11
  EXPECT_EQ(from_int(1).word(), 0x000f8000u);
  EXPECT_EQ(from_int(-1).word(), 0x800f8000u);
  EXPECT_EQ(from_int(1 << 20).word(), 0x00fb8000u);  // s = -5
  EXPECT_EQ(from_int(0).word(), 0u);
  EXPECT_EQ(from_scale(kLog2E).word(), word(kLog2E));
  EXPECT_EQ(exp2_real(143).word(), 0x00808000u);   // s = -128
  EXPECT_EQ(exp2_real(-112).word(), 0x007f8000u);  // s = 127
  EXPECT_EQ(rmul(exp2_real(100), exp2_real(100)).word(), 0x0080ffffu);
  EXPECT_EQ(rmul(exp2_real(-60), exp2_real(-60)).word(), 0u);
  EXPECT_EQ(radd(from_int(3), from_int(-3)).word(), 0u);
  EXPECT_EQ(rsqrt(from_int(16)), exp2_real(-2));
  EXPECT_EQ(square_root(from_int(49)), from_int(7));
  EXPECT_EQ(from_int(131071), from_int(131072));    // half goes up …
  EXPECT_EQ(from_int(-131073), from_int(-131072));  // … and less than half does not, on the magnitude
  EXPECT_TRUE(is_real(from_int(5)) && is_real(Real{}) && !is_real(Real{0x00000001u}) && !is_real(Real{0x010f8000u}));
}

TEST(Real, RoundingOfWideIntegers) {  // N11.1, N11.8
  testing::Sweep sweep(0xb1700101);
  for (int trial = 0; trial < 400000; ++trial) {
    Int128 x = Int128{sweep.magnitude(kFixed16Limit)} << sweep.in(0, 53);
    x += sweep.signed_value(3);
    if (sweep.in(0, 1) != 0) x = -x;
    const int k = static_cast<int>(sweep.in(-140, 240));
    EXPECT_WORD(real_round(x, k), spec::integer(x, k), "trial " << trial << ", k " << k);
  }
}

TEST(Real, ProductQuotientSum) {  // N11.2 to N11.4
  testing::Sweep sweep(0xb1700102);
  for (int trial = 0; trial < 500000; ++trial) {
    const bool wide = sweep.in(0, 3) == 0;
    const Real a = wide ? random_real(sweep) : random_real(sweep, 0, 50);
    const Real b = sweep.in(0, 2) == 0 ? near(sweep, a) : (wide ? random_real(sweep) : random_real(sweep, 0, 50));
    EXPECT_WORD(rmul(a, b), spec::times(a.word(), b.word()), hex(a) << " * " << hex(b));
    EXPECT_WORD(rdiv(a, b), spec::over(a.word(), b.word()), hex(a) << " / " << hex(b));
    EXPECT_WORD(radd(a, b), spec::plus(a.word(), b.word()), hex(a) << " + " << hex(b));
  }
}

TEST(Real, SumAtEveryDistanceOfShifts) {  // N11.4: where the smaller operand stops to count
  for (const std::uint32_t high : {32768u, 32769u, 65534u, 65535u}) {
    for (const std::uint32_t low : {32768u, 32769u, 49152u, 65535u}) {
      for (int distance = -50; distance <= 50; ++distance) {
        for (int signs = 0; signs < 4; ++signs) {
          const Real a = make(high, 10, (signs & 1) != 0);
          const Real b = make(low, 10 + distance, (signs & 2) != 0);
          EXPECT_WORD(radd(a, b), spec::plus(a.word(), b.word()), hex(a) << " + " << hex(b));
        }
      }
    }
  }
}

/// Returns the error of `got` against the positive number `exact`, in units of got's last place.
double error_in_places(Real got, long double exact) {
  const long double unit = std::ldexp(1.0L, -got.s());
  return static_cast<double>((static_cast<long double>(got.m()) * unit - exact) / unit);
}

TEST(Real, SquareRootsOfEveryMantissa) {  // N11.5, N11.6
  double rsqrt_error = 0, sqrt_error = 0;
  for (std::uint32_t m = 32768; m < 65536; ++m) {
    for (const int s : {-1, 0, 30, 31}) {  // both parities, on both sides of 0
      const Real a = make(m, s, false);
      const spec::Word expected = spec::reciprocal_root(a.word());
      EXPECT_WORD(rsqrt(a), expected, "1/sqrt of " << hex(a));
      EXPECT_WORD(square_root(a), spec::times(a.word(), expected), "sqrt of " << hex(a));
      const long double exact = std::ldexp(static_cast<long double>(m), -s);
      rsqrt_error = std::max(rsqrt_error, std::fabs(error_in_places(rsqrt(a), 1.0L / std::sqrt(exact))));
      sqrt_error = std::max(sqrt_error, std::fabs(error_in_places(square_root(a), std::sqrt(exact))));
    }
  }
  std::printf("largest error in units of the last place: rsqrt %.5f, sqrt %.4f\n", rsqrt_error, sqrt_error);
  EXPECT_LE(rsqrt_error, 0.5);
  EXPECT_LT(sqrt_error, 1.5);
}

TEST(Real, SquareRootsOfEveryShift) {  // N11.5
  for (int s = kRealMinShift; s <= kRealMaxShift; ++s) {
    for (const std::uint32_t m : {32768u, 32769u, 46340u, 46341u, 65535u}) {
      EXPECT_WORD(rsqrt(make(m, s, false)), spec::reciprocal_root(make(m, s, false).word()), m << ", " << s);
      EXPECT_TRUE(rsqrt(make(m, s, true)).is_zero() && square_root(make(m, s, true)).is_zero());
    }
  }
  EXPECT_TRUE(rsqrt({}).is_zero());
}

TEST(Real, IntegerSquareRoot) {  // N11.5, N25.3
  testing::Sweep sweep(0xb1700103);
  for (int trial = 0; trial < 100000; ++trial) {
    const auto root = static_cast<std::uint64_t>(sweep.magnitude(0xffffffff));
    for (const std::uint64_t x : {root * root, root * root + 2 * root, sweep.bits()}) {
      ASSERT_EQ(integer_sqrt(x), spec::root(spec::Wide{x})) << x;
    }
  }
  EXPECT_EQ(integer_sqrt(~std::uint64_t{0}), 0xffffffffu);
}

TEST(Real, ToInteger) {  // N11.7
  testing::Sweep sweep(0xb1700104);
  int limited = 0;
  for (int trial = 0; trial < 500000; ++trial) {
    const Real a = random_real(sweep);
    const int f =
        sweep.in(0, 4) == 0 ? static_cast<int>(sweep.in(-200, 200)) : a.s() + static_cast<int>(sweep.in(-20, 20));
    std::uint64_t saturations = 0;
    const std::int32_t got = to_int(a, f, saturations);
    const spec::Limited expected = spec::to_integer(a.word(), f);
    ASSERT_TRUE(got == expected.value && saturations == (expected.limited ? 1u : 0u))
        << hex(a) << ", " << f << ": got " << got << ", expected " << expected.value;
    limited += expected.limited ? 1 : 0;
  }
  EXPECT_GT(limited, 10000);
  std::uint64_t saturations = 0;
  EXPECT_EQ(to_int(rneg(exp2_real(-1)), 0, saturations), 0);  // -1/2 goes up
  EXPECT_EQ(to_int(exp2_real(-1), 0, saturations), 1);
  EXPECT_EQ(to_int(exp2_real(30), 0, saturations), 1 << 30);
  EXPECT_EQ(saturations, 0u);
  EXPECT_EQ(to_int(exp2_real(31), 0, saturations), 2147483647);
  EXPECT_EQ(saturations, 1u);
}

TEST(Real, Centered) {  // N11.9
  testing::Sweep sweep(0xb1700105);
  constexpr std::int64_t kSum = (std::int64_t{1} << 48) - 1;
  for (int trial = 0; trial < 300000; ++trial) {
    const std::int64_t n = sweep.magnitude((1 << 26) - 1);
    const std::int64_t x2 = sweep.signed_value((std::int64_t{1} << 60) - 1);
    const std::int64_t x1 = sweep.signed_value(kSum);
    std::int64_t y1 = sweep.signed_value(kSum);
    if (sweep.in(0, 1) != 0 && x1 != 0) {  // cancel almost all of it
      const spec::Wide close = spec::Wide{n} * x2 / x1;
      y1 = static_cast<std::int64_t>(spec::clamp(close, kSum));
    }
    // n · x2 from two halves of x2, so that the specification multiplies otherwise
    const std::int64_t high = x2 >> 30;
    const spec::Wide exact = spec::Wide{n * high} * (1 << 30) + n * (x2 - high * (1 << 30)) - spec::Wide{x1} * y1;
    EXPECT_WORD(centered(n, x2, x1, y1), spec::integer(exact), n << " " << x2 << " " << x1 << " " << y1);
  }
}

TEST(Real, OrderSignAndVectors) {  // N11.10
  testing::Sweep sweep(0xb1700106);
  for (int trial = 0; trial < 300000; ++trial) {
    const Real a = random_real(sweep);
    const Real b = sweep.in(0, 2) == 0 ? near(sweep, a) : random_real(sweep);
    const bool less = spec::less(a.word(), b.word());
    const bool greater = spec::less(b.word(), a.word());
    EXPECT_WORD(rmax(a, b), less ? b.word() : a.word(), hex(a) << " max " << hex(b));
    EXPECT_WORD(rmin(a, b), greater ? b.word() : a.word(), hex(a) << " min " << hex(b));
    EXPECT_WORD(rneg(a), spec::negative(a.word()), hex(a));
    EXPECT_EQ(rabs(a), a.negative() ? rneg(a) : a);
  }
  for (int trial = 0; trial < 2000; ++trial) {
    std::vector<Real> values;
    spec::Word sum = 0, largest = 0;
    for (int i = 0; i < 9; ++i) {
      values.push_back(random_real(sweep, 0, 30));
      sum = spec::plus(sum, values.back().word());
      const spec::Word magnitude = values.back().word() % 0x80000000u;
      if (spec::less(largest, magnitude)) largest = magnitude;
    }
    EXPECT_WORD(rsum(values), sum, "sum of vector " << trial);
    EXPECT_WORD(rmaxabs(values), largest, "largest of vector " << trial);
  }
}

TEST(Real, ScalesAndPowers) {  // N11.11, and "every scale word is the real of the same value"
  for (int s = kRealMinShift; s <= kRealMaxShift; ++s) {
    for (const std::uint32_t m : {32768u, 40000u, 65535u}) {
      for (const bool negative : {false, true}) {
        std::uint64_t saturations = 0;
        const Scale got = to_scale(make(m, s, negative), saturations);
        const spec::AnyScale expected = spec::as_scale(make(m, s, negative).word());
        ASSERT_TRUE(got.m == expected.m && got.s == expected.s && saturations == (expected.saturated ? 1u : 0u));
        if (!negative && s >= 0 && s <= 63) {
          ASSERT_EQ(from_scale(got), make(m, s, false));
        }
      }
    }
  }
  std::uint64_t saturations = 0;
  EXPECT_EQ(to_scale({}, saturations), kOne);
  for (int k = -112; k <= 143; ++k) EXPECT_EQ(exp2_real(k).word(), spec::power(k));
}

TEST(Real, Constants) {  // N11.12
  EXPECT_EQ(real_constant(1.0), from_int(1));
  EXPECT_EQ(real_constant(-0.1).word(), 0x8013cccdu);  // 52428.8 · 2^-19
  EXPECT_EQ(real_constant(0.0), Real{});
  EXPECT_EQ(real_constant(1.0 - 1e-9), from_int(1));
  testing::Sweep sweep(0xb1700107);
  for (int trial = 0; trial < 100000; ++trial) {
    const auto mantissa = static_cast<std::int64_t>(sweep.bits() >> 12);
    const int exponent = static_cast<int>(sweep.in(-80, 140));
    const std::int64_t x = sweep.in(0, 1) != 0 ? mantissa : -mantissa;
    EXPECT_WORD(real_constant(std::ldexp(static_cast<double>(x), -exponent)), spec::integer(x, exponent), x);
  }
  for (const double bad : {HUGE_VAL, std::nan(""), 1e300, 1e-300}) EXPECT_THROW(real_constant(bad), Error) << bad;
}

}  // namespace
}  // namespace bitloom
