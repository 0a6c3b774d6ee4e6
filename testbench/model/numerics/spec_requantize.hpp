#pragma once
#include <cstdint>

#include "testbench/model/numerics/spec_fraction.hpp"

namespace bitloom::spec {

// One rounding of the exact product x * m / 2^s (N3).

constexpr Fraction exact_product(std::int64_t x, std::uint32_t m, int s) { return {Wide{x} * m, power_of_two(s)}; }

constexpr Wide half_up(std::int64_t x, std::uint32_t m, int s) { return round_half_up(exact_product(x, m, s)); }
constexpr Wide nearest_even(std::int64_t x, std::uint32_t m, int s) {
  return round_nearest_even(exact_product(x, m, s));
}
constexpr Wide toward_minus_infinity(std::int64_t x, std::uint32_t m, int s) { return floor(exact_product(x, m, s)); }

/// What stochastic rounding of a fraction may give: `below`, or with the first `words_up` of the 2^r words one more.
struct Chance {
  Wide below = 0;
  Wide words_up = 0;
};

/// words_up is 2^r times the distance above the integer below, rounded half up: the integer that N3.4 states.
constexpr Chance chance(Fraction f, int r) {
  const Wide below = floor(f);
  const Fraction distance{(f.numerator - below * f.denominator) * power_of_two(r), f.denominator};
  return {below, round_half_up(distance)};
}

constexpr Wide stochastic(std::int64_t x, std::uint32_t m, int s, std::uint32_t u, int r) {
  const Chance c = chance(exact_product(x, m, s), r);
  return Wide{u} < c.words_up ? c.below + 1 : c.below;
}

/// Returns the product with 16 fraction bits, half up, limited (N3.6).
constexpr Wide fixed16(std::int64_t x, std::uint32_t m, int s) {
  const Fraction times_65536{Wide{x} * m * 65536, power_of_two(s)};
  return clamp(round_half_up(times_65536), power_of_two(46) - 1);
}

}  // namespace bitloom::spec
