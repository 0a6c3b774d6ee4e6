#pragma once
#include <cstdint>

#include "testbench/model/numerics/spec_fraction.hpp"

namespace bitloom::spec {

// Raw views of 16 bits (N5.5).

constexpr Wide shifted_to_even(std::int64_t value, int shift) {
  return round_nearest_even({Wide{value}, power_of_two(shift)});
}

/// Returns the least e with n · a · b < 2^e, or, for more than 16 products, 4 · √n · a · b < 2^e.
constexpr int growth(std::int64_t n, std::int64_t a, std::int64_t b) {
  int e = 0;
  while (n <= 16 ? Wide{n} * a * b >= power_of_two(e) : 16 * Wide{n} * a * b * a * b >= power_of_two(2 * e)) ++e;
  return e;
}

/// Returns k of a sum of n products.
constexpr int view_shift(std::int64_t n, std::int64_t a, std::int64_t b) {
  const int k = growth(n, a, b) - 15;
  return k < 0 ? 0 : k > 15 ? 15 : k;
}

/// Returns k of a sum of n values (N15.3).
constexpr int pool_shift(std::int64_t n) {
  int k = 0;
  while (k < 15 && power_of_two(k) < n) ++k;
  return k;
}

}  // namespace bitloom::spec
