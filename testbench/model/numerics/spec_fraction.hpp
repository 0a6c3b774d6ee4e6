#pragma once

// Exact fractions for the wide-and-slow specifications. Nothing here or in another spec_*.hpp includes model/.

namespace bitloom::spec {

__extension__ typedef __int128 Wide;

/// numerator / denominator, denominator > 0.
struct Fraction {
  Wide numerator = 0;
  Wide denominator = 1;
};

constexpr Wide power_of_two(int exponent) { return Wide{1} << exponent; }

/// The largest integer that is not above the fraction.
constexpr Wide floor(Fraction f) {
  const Wide quotient = f.numerator / f.denominator;
  return f.numerator % f.denominator < 0 ? quotient - 1 : quotient;
}

/// Returns floor(f + 1/2).
constexpr Wide round_half_up(Fraction f) { return floor({2 * f.numerator + f.denominator, 2 * f.denominator}); }

/// Returns the integer nearest to f, of two equally near ones the even.
constexpr Wide round_nearest_even(Fraction f) {
  const Wide below = floor(f);
  const Wide twice_distance = 2 * (f.numerator - below * f.denominator);
  if (twice_distance == f.denominator) return below % 2 == 0 ? below : below + 1;
  return twice_distance < f.denominator ? below : below + 1;
}

/// Returns `value` limited to [-limit, limit].
constexpr Wide clamp(Wide value, Wide limit) { return value > limit ? limit : (value < -limit ? -limit : value); }

}  // namespace bitloom::spec
