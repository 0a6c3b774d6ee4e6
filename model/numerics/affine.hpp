#pragma once
#include <cstdint>
#include <optional>

#include "model/numerics/numbers.hpp"
#include "model/numerics/real.hpp"

namespace bitloom {

// Integers times reals (N12).

/// Returns the magnitude of `a` as the scale that multiplies an integer: none where the product is 0 (a = 0 or s > 63),
/// the largest scale for s < 0 (N12).
constexpr std::optional<Scale> factor(Real a) {
  if (a.is_zero() || a.s() > 63) return std::nullopt;
  if (a.s() < 0) return Scale{65535, 0};
  return Scale{static_cast<std::uint16_t>(a.m()), static_cast<std::uint8_t>(a.s())};
}

/// Returns P(x, a) of N12: x · a with 16 fraction bits; |result| < 2^46. |x| < 2^33.
constexpr std::int64_t real_product(std::int64_t x, Real a) {
  const std::optional<Scale> scale = factor(a);
  if (!scale) return 0;
  const std::int64_t magnitude = fixed16(x, *scale);
  return a.negative() ? -magnitude : magnitude;
}

/// Returns u · a + v · b + c, half up, limited to a raw view, whose limit may be another (N12).
constexpr std::int32_t affine(std::int32_t u, Real a, std::int32_t v, Real b, std::int32_t c,
                              std::uint64_t& saturations, std::int64_t limit = kRawLimit) {
  const std::int64_t sum = real_product(u, a) + real_product(v, b) + std::int64_t{c} * 65536;
  return static_cast<std::int32_t>(saturate((sum + 32768) >> 16, limit, saturations));
}

}  // namespace bitloom
