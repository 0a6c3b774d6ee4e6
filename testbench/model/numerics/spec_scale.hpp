#pragma once
#include <cstdint>

#include "testbench/model/numerics/spec_fraction.hpp"

namespace bitloom::spec {

// Scales as real numbers (N2). A result is checked against what is said about it, not against a way to compute it.

/// The scale m * 2^-s, whether an operand or a result, and whether the result had to leave the range of N2.1.
struct AnyScale {
  std::uint32_t m = 0;
  int s = 0;
  bool saturated = false;
};

/// The positive real number numerator / denominator * 2^-exponent.
struct Real {
  Wide numerator = 0;
  Wide denominator = 1;
  int exponent = 0;
};

constexpr Real product(AnyScale a, AnyScale b) { return {Wide{a.m} * b.m, 1, a.s + b.s}; }
constexpr Real quotient(AnyScale a, AnyScale b) { return {a.m, b.m, a.s - b.s}; }
constexpr Real maximum_over_codes(std::uint32_t max, AnyScale unit, int largest_code) {
  return {Wide{max} * unit.m, largest_code, unit.s};
}

/// Returns real * 2^power as a fraction; the exponents that occur keep it within 128 bits.
constexpr Fraction scaled(Real real, int power) {
  const int shift = power - real.exponent;
  if (shift >= 0) return {real.numerator * power_of_two(shift), real.denominator};
  return {real.numerator, real.denominator * power_of_two(-shift)};
}

/// Returns the s, unlimited, for which 2^15 <= real * 2^s < 2^16: of its mantissa before rounding.
constexpr int exponent_of(Real real) {
  int s = real.exponent - 64;
  while (floor(scaled(real, s)) < 32768) ++s;
  return s;
}

constexpr AnyScale limited(Wide m, int s) {
  if (m == 65536) return limited(32768, s - 1);
  if (s < 0) return {65535, 0, true};
  if (s > 63) return {32768, 63, true};
  return {static_cast<std::uint32_t>(m), s, false};
}

/// Rounds the mantissa of `real` half up (N2.2, N2.3, N2.6).
constexpr AnyScale nearest(Real real) {
  const int s = exponent_of(real);
  return limited(round_half_up(scaled(real, s)), s);
}

/// Says whether the value of m * 2^-s is at least `real`.
constexpr bool at_least(std::uint32_t m, int s, Real real) {
  const Fraction wanted = scaled(real, s);
  return Wide{m} * wanted.denominator >= wanted.numerator;
}

/// Is `a` what N2.4 says: the smallest scale with a value of at least `real`, or the limit of the range it lies beyond?
constexpr bool is_smallest_at_least(AnyScale a, Real real) {
  if (!at_least(65535, 0, real)) return a.saturated && a.m == 65535 && a.s == 0;
  if (at_least(65535, 64, real)) return a.saturated && a.m == 32768 && a.s == 63;
  const bool next_below_is_less = a.m == 32768 ? !at_least(65535, a.s + 1, real) : !at_least(a.m - 1, a.s, real);
  return !a.saturated && a.m >= 32768 && a.m < 65536 && a.s >= 0 && a.s <= 63 && at_least(a.m, a.s, real) &&
         next_below_is_less;
}

}  // namespace bitloom::spec
