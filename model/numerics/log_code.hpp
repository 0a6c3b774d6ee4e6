#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>

#include "model/numerics/numbers.hpp"
#include "model/numerics/real.hpp"

namespace bitloom {

// Logarithmic gradient codes (N19): sign and exponent e = 0 … R + 1 in four bits, value ±2^(e-1), or 0 for e = 0.

/// Returns M of N19.1 from a maximum: at least 1, rounded up to 16 significant bits, or to a power of two. max <= 2^31.
constexpr std::uint32_t log_top(std::uint32_t max, bool power_of_two) {
  if (max <= 1) return 1;
  if (power_of_two) return std::bit_ceil(max);
  const int drop = std::max(0, static_cast<int>(std::bit_width(max)) - 16);
  const std::uint64_t below = (std::uint64_t{1} << drop) - 1;
  return static_cast<std::uint32_t>(((max + below) >> drop) << drop);
}

/// Returns the maximum that hindsight expects, in units of the gradient, before log_top() (N19.1). Counts the limit of
/// TO_INT.
constexpr std::uint32_t log_hindsight_max(Real mhat, Scale unit, std::uint64_t& saturations) {
  return static_cast<std::uint32_t>(std::max(1, to_int(rdiv(mhat, from_scale(unit)), 0, saturations)));
}

/// Returns mhat for the next step (N19.1): (mhat + max · unit) / 2.
constexpr Real log_hindsight_next(Real mhat, std::uint32_t max, Scale unit) {
  const Real half = exp2_real(-1);
  return radd(rmul(mhat, half), rmul(rmul(from_int(max), from_scale(unit)), half));
}

/// Returns s_d: the value of code 1 (N19.1).
constexpr Scale log_unit(Scale unit, std::uint32_t top, int binades, std::uint64_t& saturations) {
  return to_scale(rmul(from_scale(unit), from_int(top, binades)), saturations);
}

/// Returns up(d, a) of N19.2, 0 <= d < a < 2^37: with the r-bit word u, or (any other rounding) half up.
constexpr bool log_rounds_up(std::uint64_t d, std::uint64_t a, std::uint32_t u, int r, Rounding rounding) {
  return rounding == Rounding::kStochastic ? (d << r) > u * a : 2 * d >= a;
}

/// Returns the code of g (N19.2). |g| < 2^31, top from log_top(), binades R = 4 or 6; Rounding kStochastic (u in [0,
/// 2^r), r <= 16) or kHalfUp. Counts one saturation where |g| > top.
constexpr std::uint8_t log_encode(std::int32_t g, std::uint32_t top, int binades, std::uint32_t u, int r,
                                  Rounding rounding, std::uint64_t& saturations) {
  const auto magnitude = static_cast<std::uint64_t>(g < 0 ? -std::int64_t{g} : std::int64_t{g});
  const std::uint64_t scaled = magnitude << binades;
  int e = 0;
  if (scaled < top) {
    e = log_rounds_up(scaled, top, u, r, rounding) ? 1 : 0;
  } else if (magnitude >= top) {
    e = binades + 1;
    if (magnitude > top) ++saturations;
  } else {
    int n = 0;
    while ((std::uint64_t{top} << (n + 1)) <= scaled) ++n;
    const std::uint64_t cell = std::uint64_t{top} << n;
    e = n + 1 + (log_rounds_up(scaled - cell, cell, u, r, rounding) ? 1 : 0);
  }
  return static_cast<std::uint8_t>(e | (g < 0 && e > 0 ? 8 : 0));
}

/// Returns the value of a code in units of s_d (N19.2): 0, ±1 … ±64. Golden keeps values, so that its int8 GEMMs give
/// N19.3's products.
constexpr int log_value(std::uint8_t code) {
  const int e = code & 7;
  const int magnitude = e == 0 ? 0 : 1 << (e - 1);
  return (code & 8) != 0 ? -magnitude : magnitude;
}

}  // namespace bitloom
