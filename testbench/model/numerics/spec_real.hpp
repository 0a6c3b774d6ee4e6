#pragma once
#include <cstdint>

#include "testbench/model/numerics/spec_scale.hpp"

namespace bitloom::spec {

// Reals as words (N11): taken apart by division, every result the nearest real of an exact fraction.

using Word = std::uint32_t;

/// sign · m · 2^-s, or m = 0.
struct Parts {
  int sign = 1;
  std::int64_t m = 0;
  int s = 0;
  constexpr Wide signed_m() const { return Wide{sign} * m; }
};

constexpr Parts parts(Word w) {
  const int byte = static_cast<int>(w / 65536 % 256);
  return {w / 0x80000000u == 1 ? -1 : 1, w % 65536, byte < 128 ? byte : byte - 256};
}

constexpr Word assemble(bool negative, Wide m, int s) {
  if (s > 127) return 0;
  if (s < -128) return assemble(negative, 65535, -128);
  const Word byte = static_cast<Word>(s < 0 ? s + 256 : s);
  return static_cast<Word>(m) + byte * 65536 + (negative ? 0x80000000u : 0);
}

/// Returns the nearest real, half up on the magnitude (N11.1). numerator below 2^101 in magnitude, and with a
/// denominator above 1 below 2^60.
constexpr Word nearest_word(Real x) {
  if (x.numerator == 0) return 0;
  const bool negative = x.numerator < 0;
  if (negative) x.numerator = -x.numerator;
  int bits = 0;
  while (power_of_two(bits) <= x.numerator) ++bits;
  int s = x.exponent - bits;
  while (floor(scaled(x, s)) < 32768) ++s;
  const Wide m = round_half_up(scaled(x, s));
  return m == 65536 ? assemble(negative, 32768, s - 1) : assemble(negative, m, s);
}

constexpr Word integer(Wide x, int k = 0) { return nearest_word({x, 1, k}); }
constexpr Word power(int k) { return assemble(false, 32768, 15 - k); }
constexpr Word negative(Word a) { return a == 0 ? 0 : (a + 0x80000000u) % 0x100000000ull; }

constexpr Word times(Word a, Word b) {
  const Parts x = parts(a), y = parts(b);
  return nearest_word({x.signed_m() * y.signed_m(), 1, x.s + y.s});
}

constexpr Word over(Word a, Word b) {
  const Parts x = parts(a), y = parts(b);
  if (y.m == 0) return 0;
  return nearest_word({x.signed_m() * y.sign, y.m, x.s - y.s});
}

/// Returns the exact sum, rounded once (N11.4). Shifts at most 80 apart, or the larger counts alone.
constexpr Word plus(Word a, Word b) {
  const Parts x = parts(a), y = parts(b);
  if (x.m == 0) return b;
  if (y.m == 0) return a;
  const int s = x.s > y.s ? x.s : y.s;
  if (s - x.s > 80) return a;
  if (s - y.s > 80) return b;
  return nearest_word({x.signed_m() * power_of_two(s - x.s) + y.signed_m() * power_of_two(s - y.s), 1, s});
}

/// The largest integer whose square is at most x, by halving.
constexpr std::int64_t root(Wide x) {
  std::int64_t low = 0, high = std::int64_t{1} << 32;
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (Wide{middle} * middle <= x ? low : high) = middle;
  }
  return low;
}

/// Returns 1 / √a rounded half up (N11.5): the largest m with ((m - 1/2) · 2^-s)² · a <= 1, for the s where m has 16
/// bits.
constexpr Word reciprocal_root(Word a) {
  const Parts x = parts(a);
  if (x.m == 0 || x.sign < 0) return 0;
  for (int s = (15 - x.s) / 2;; ++s) {
    if (2 * s + 2 + x.s < 0) continue;
    const Wide bound = power_of_two(2 * s + 2 + x.s);  // of (2m - 1)² · x.m
    std::int64_t low = 0, high = std::int64_t{1} << 20;
    while (high - low > 1) {
      const std::int64_t middle = low + (high - low) / 2;
      (Wide{2 * middle - 1} * (2 * middle - 1) * x.m <= bound ? low : high) = middle;
    }
    if (low == 65536) return assemble(false, 32768, s - 1);
    if (power_of_two(32) * x.m <= bound) return assemble(false, low, s);  // at least 2^15 before rounding
  }
}

/// floor(a · 2^f + 1/2) limited to ±(2^31 - 1) (N11.7); `unlimited` tells whether it had to be.
struct Limited {
  std::int64_t value = 0;
  bool limited = false;
};
constexpr Limited to_integer(Word a, int f) {
  const Parts x = parts(a);
  const Wide limit = power_of_two(31) - 1;
  if (x.m == 0 || x.s - f > 40) return {};
  const Wide exact = f - x.s > 40 ? x.signed_m() * power_of_two(40)
                     : f >= x.s   ? x.signed_m() * power_of_two(f - x.s)
                                  : round_half_up({x.signed_m(), power_of_two(x.s - f)});
  return {static_cast<std::int64_t>(clamp(exact, limit)), clamp(exact, limit) != exact};
}

/// Is a < b? Both as integers of the finer of the two units, or by sign and shift when they are far apart.
constexpr bool less(Word a, Word b) {
  const Parts x = parts(a), y = parts(b);
  const bool apart = x.m != 0 && y.m != 0 && (x.s - y.s > 40 || y.s - x.s > 40);
  if (apart) return x.s < y.s ? x.sign < 0 : y.sign > 0;
  const int s = x.m == 0 ? y.s : (y.m == 0 || x.s > y.s ? x.s : y.s);
  const auto in_unit = [s](Parts p) { return p.m == 0 ? Wide{0} : p.signed_m() * power_of_two(s - p.s); };
  return in_unit(x) < in_unit(y);
}

/// Returns a real as a scale (N11.11): its range is N2.1's.
constexpr AnyScale as_scale(Word a) {
  const Parts x = parts(a);
  if (x.m == 0 || x.sign < 0) return {32768, 15, false};
  return limited(x.m, x.s);
}

/// Returns x · a with 16 fraction bits (N12's P).
constexpr Wide product16(std::int64_t x, Word a) {
  const Parts p = parts(a);
  if (p.m == 0 || p.s > 63) return 0;
  if (p.s < 0) return p.sign * clamp(Wide{x} * 65535 * 65536, power_of_two(46) - 1);
  // half up before the sign
  return p.sign * clamp(round_half_up({Wide{x} * p.m * 65536, power_of_two(p.s)}), power_of_two(46) - 1);
}

}  // namespace bitloom::spec
