#include <gtest/gtest.h>

#include <utility>

#include "model/io/error.hpp"
#include "model/numerics/numbers.hpp"
#include "testbench/model/numerics/spec_scale.hpp"
#include "testbench/model/numerics/sweep.hpp"

namespace bitloom {
namespace {

spec::AnyScale plain(Scale a) { return {a.m, a.s}; }

/// Result of a golden scale rule in the form of the specification.
template <class Rule>
spec::AnyScale run(Rule rule) {
  std::uint64_t saturations = 0;
  const Scale a = rule(saturations);
  return {a.m, a.s, saturations == 1};
}

bool operator==(const spec::AnyScale& a, const spec::AnyScale& b) {
  return a.m == b.m && a.s == b.s && a.saturated == b.saturated;
}

std::string text(const spec::AnyScale& a) {
  return "(" + std::to_string(a.m) + ", " + std::to_string(a.s) + (a.saturated ? ", saturated)" : ")");
}

Scale scale(std::uint32_t m, std::int64_t s) { return {static_cast<std::uint16_t>(m), static_cast<std::uint8_t>(s)}; }

void expect_product_and_quotient(Scale a, Scale b) {
  const auto product = run([&](std::uint64_t& sat) { return mul(a, b, sat); });
  const auto quotient = run([&](std::uint64_t& sat) { return div(a, b, sat); });
  const auto expected_product = spec::nearest(spec::product(plain(a), plain(b)));
  const auto expected_quotient = spec::nearest(spec::quotient(plain(a), plain(b)));
  if (!(product == expected_product))
    ADD_FAILURE() << text(plain(a)) << " * " << text(plain(b)) << ": got " << text(product) << ", expected "
                  << text(expected_product);
  if (!(quotient == expected_quotient))
    ADD_FAILURE() << text(plain(a)) << " / " << text(plain(b)) << ": got " << text(quotient) << ", expected "
                  << text(expected_quotient);
}

TEST(Scale, WordRoundTrip) {  // N2.1
  EXPECT_EQ(word(kOne), 0x000f8000u);
  EXPECT_EQ(word({65535, 63}), 0x003fffffu);
  EXPECT_EQ(from_word(0x000f8000u), kOne);
  EXPECT_FALSE(is_scale(from_word(kNoScale)));
  EXPECT_FALSE(is_scale(from_word(0x00408000u)));
  for (std::uint32_t s = 0; s < 64; ++s) {
    const Scale a{43210, static_cast<std::uint8_t>(s)};
    EXPECT_TRUE(is_scale(a));
    EXPECT_EQ(from_word(word(a)), a);
  }
}

TEST(Scale, ProductAndQuotientOfMantissas) {  // N2.2, N2.3; every pair is in exhaustive_test
  for (std::uint32_t a = 32768; a < 65536; a += (a < 32800 || a > 65500) ? 1 : 97) {
    for (std::uint32_t b = 32768; b < 65536; b += (b < 32800 || b > 65500) ? 1 : 89) {
      expect_product_and_quotient(scale(a, 20), scale(b, 21));
    }
  }
}

TEST(Scale, ProductAndQuotientOfEveryShift) {  // N2.1 to N2.3
  const std::uint32_t mantissas[] = {32768, 32769, 46340, 46341, 46342, 65534, 65535};
  for (std::int64_t sa = 0; sa < 64; ++sa) {
    for (std::int64_t sb = 0; sb < 64; ++sb) {
      for (const std::uint32_t a : mantissas) {
        for (const std::uint32_t b : mantissas) expect_product_and_quotient(scale(a, sa), scale(b, sb));
      }
    }
  }
}

TEST(Scale, ProductAndQuotientKnownAnswers) {
  std::uint64_t saturations = 0;
  EXPECT_EQ(mul(kOne, {43210, 7}, saturations), (Scale{43210, 7}));
  EXPECT_EQ(div({43210, 7}, kOne, saturations), (Scale{43210, 7}));
  EXPECT_EQ(mul({65535, 15}, {65535, 15}, saturations), (Scale{65534, 14}));  // 1.99997^2 = 3.99988
  EXPECT_EQ(div({32768, 15}, {49152, 15}, saturations), (Scale{43691, 16}));  // 2/3
  EXPECT_EQ(saturations, 0u);
  EXPECT_EQ(mul({65535, 0}, {65535, 0}, saturations), (Scale{65535, 0}));
  EXPECT_EQ(div({32768, 63}, {65535, 0}, saturations), (Scale{32768, 63}));
  EXPECT_EQ(saturations, 2u);
}

void expect_smallest(std::uint32_t max, Scale unit, int largest_code) {
  const auto got = run([&](std::uint64_t& sat) { return max_to_scale(max, unit, largest_code, std::nullopt, sat); });
  if (!spec::is_smallest_at_least(got, spec::maximum_over_codes(max, plain(unit), largest_code))) {
    ADD_FAILURE() << "maximum " << max << " of " << text(plain(unit)) << " for codes to " << largest_code << ": got "
                  << text(got);
  }
}

TEST(Scale, MaximumOfEverySmallMaximum) {  // N2.4
  for (const int largest_code : {1, 7, 127}) {
    for (const std::uint32_t m : {32768u, 32769u, 43691u, 65535u}) {
      for (std::uint32_t max = 1; max < 65536; ++max) expect_smallest(max, scale(m, 31), largest_code);
    }
    for (std::uint32_t m = 32768; m < 65536; ++m) {
      for (const std::uint32_t max : {1u, 7u, 127u, 8388607u, 2147483647u})
        expect_smallest(max, scale(m, 31), largest_code);
    }
  }
}

TEST(Scale, MaximumOfEveryShift) {  // N2.4, N2.1
  for (std::int64_t s = 0; s < 64; ++s) {
    for (const std::uint32_t m : {32768u, 40000u, 65535u}) {
      for (int width = 0; width < 31; ++width) {
        for (const std::uint32_t max : {1u << width, (2u << width) - 1}) {
          for (const int largest_code : {1, 7, 127}) expect_smallest(max, scale(m, s), largest_code);
        }
      }
    }
  }
}

/// The inverse of a modulo `modulus` (extended Euclid); they have no common divisor.
std::int64_t inverse(std::int64_t a, std::int64_t modulus) {
  std::int64_t r0 = modulus, r1 = a % modulus, t0 = 0, t1 = 1;
  while (r1 != 0) {
    const std::int64_t quotient = r0 / r1;
    r0 = std::exchange(r1, r0 - quotient * r1);
    t0 = std::exchange(t1, t0 - quotient * t1);
  }
  return t0 < 0 ? t0 + modulus : t0;
}

TEST(Scale, MaximumJustAboveAScale) {  // N2.4: both roundings must go up, also by the smallest possible excess
  int tried = 0;
  for (const std::int64_t largest_code : {7, 127}) {
    const std::int64_t modulus = largest_code << (largest_code == 7 ? 29 : 25);
    for (std::uint32_t m = 32769; m < 65536; m += 2) {
      if (m % largest_code == 0) continue;
      const std::int64_t inverse_of_m = inverse(m, modulus);
      for (const std::int64_t excess : {-1, 1, 2, 3}) {
        // max * m = excess (mod largest_code * 2^k): the exact mantissa is an integer and a tiny bit.
        std::int64_t max = excess * inverse_of_m % modulus;
        if (max < 0) max += modulus;
        if (max > kRawLimit || max == 0) continue;
        expect_smallest(static_cast<std::uint32_t>(max), scale(m, 31), static_cast<int>(largest_code));
        ++tried;
      }
    }
  }
  EXPECT_GT(tried, 50000);
}

TEST(Scale, MaximumRandom) {  // N2.4
  testing::Sweep sweep(0xb1700001);
  for (int trial = 0; trial < 1000000; ++trial) {
    const auto max = static_cast<std::uint32_t>(sweep.magnitude(kRawLimit));
    const Scale unit = scale(sweep.mantissa(), sweep.in(0, 63));
    if (max != 0) expect_smallest(max, unit, qmax(static_cast<int>(sweep.in(2, 8))));
  }
}

TEST(Scale, MaximumZeroGivesOneOrKeeps) {  // N2.4
  std::uint64_t saturations = 0;
  EXPECT_EQ(max_to_scale(0, {50000, 20}, 127, std::nullopt, saturations), kOne);
  EXPECT_EQ(max_to_scale(0, {50000, 20}, 127, Scale{40000, 3}, saturations), (Scale{40000, 3}));
  EXPECT_EQ(max_to_scale(127, kOne, 127, Scale{40000, 3}, saturations), kOne);
  EXPECT_EQ(saturations, 0u);
}

TEST(Scale, MaximumHasNoCodeBeyondTheLargest) {  // what N2.4 is for: the largest value needs no clamp
  testing::Sweep sweep(0xb1700002);
  for (int trial = 0; trial < 300000; ++trial) {
    const auto max = static_cast<std::uint32_t>(1 + sweep.magnitude(kRawLimit - 1));
    const Scale unit = scale(sweep.mantissa(), sweep.in(31, 50));  // no scale leaves the range of N2.1
    std::uint64_t saturations = 0;
    const Scale ratio = div(unit, max_to_scale(max, unit, 127, std::nullopt, saturations), saturations);
    const std::int64_t code = requantize(max, ratio, Rounding::kHalfUp);
    if (code > 127 || code < 126 || saturations != 0) ADD_FAILURE() << "maximum " << max << " has code " << code;
  }
}

TEST(Scale, IntegersAndPowersOfTwo) {  // N2.5
  for (std::uint32_t n = 1; n < 65536; ++n) {
    const Scale a = from_integer(n);
    ASSERT_TRUE(is_scale(a)) << n;
    ASSERT_EQ(std::uint64_t{a.m}, std::uint64_t{n} << a.s) << n;
  }
  for (int f = -15; f <= 48; ++f) {
    ASSERT_TRUE(is_scale(power_of_two(f)));
    ASSERT_EQ(value(power_of_two(f)), std::ldexp(1.0, -f));
  }
}

TEST(Scale, RealConstants) {  // N2.6
  EXPECT_EQ(nearest_scale(1.0), kOne);
  EXPECT_EQ(nearest_scale(0.1), (Scale{52429, 19}));                // 52428.8
  EXPECT_EQ(nearest_scale(1.0 - 1e-9), kOne);                       // the mantissa rounds up to 2^16
  EXPECT_EQ(nearest_scale(1.0 + 1.5 / 32768), (Scale{32770, 15}));  // half goes up
  EXPECT_EQ(nearest_scale(65535.0), (Scale{65535, 0}));
  EXPECT_EQ(nearest_scale(std::ldexp(1.0, -48)), (Scale{32768, 63}));
  testing::Sweep sweep(0xb1700003);
  for (int trial = 0; trial < 200000; ++trial) {
    const std::int64_t mantissa = (std::int64_t{1} << 40) + static_cast<std::int64_t>(sweep.bits() >> 24);
    const int exponent = static_cast<int>(sweep.in(25, 80));
    const Scale got = nearest_scale(std::ldexp(static_cast<double>(mantissa), -exponent));
    const auto expected = spec::nearest({mantissa, 1, exponent});
    if (!(plain(got) == expected)) ADD_FAILURE() << mantissa << " * 2^-" << exponent << ": got " << text(plain(got));
  }
}

TEST(Scale, RealConstantsOutOfRangeAreErrors) {  // N2.6
  for (const double real : {0.0, -1.0, 65536.0, 1e30, 1e-30, std::ldexp(1.0, -49), HUGE_VAL, std::nan("")}) {
    EXPECT_THROW(nearest_scale(real), Error) << real;
  }
}

TEST(Codes, LimitsAndNibbles) {  // N1.1, N1.2
  EXPECT_EQ(qmax(8), 127);
  EXPECT_EQ(qmax(4), 7);
  EXPECT_EQ(pack_nibbles(-1, 2), 0x2f);
  EXPECT_EQ(pack_nibbles(7, -7), 0x97);
  for (int even = -8; even < 8; ++even) {
    for (int odd = -8; odd < 8; ++odd) {
      const std::uint8_t byte = pack_nibbles(even, odd);
      EXPECT_EQ(unpack_nibble(byte, 0), even);
      EXPECT_EQ(unpack_nibble(byte, 1), odd);
    }
  }
}

}  // namespace
}  // namespace bitloom
