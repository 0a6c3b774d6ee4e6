#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>

#include "model/numerics/affine.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/real.hpp"

namespace bitloom {

// One-bit and round-clip codes with their straight-through windows (N22).

/// Returns +1 for x > 0, else -1 (N22.1).
constexpr std::int8_t sign_code(std::int64_t x) { return x > 0 ? 1 : -1; }

/// Returns T of N22.1: 1 in units of the raw view, at least 1. Counts the limit of TO_INT.
constexpr std::int32_t sign_window(Scale unit, std::uint64_t& saturations) {
  return std::max(1, to_int(rdiv(exp2_real(0), from_scale(unit)), 0, saturations));
}

/// Says whether the gradient passes (N22.1).
constexpr bool in_sign_window(std::int64_t x, std::int32_t window) { return -window < x && x < window; }

/// Returns the ratio of N22.2 for `levels` M and clip c: unit · M / c.
constexpr Real clip_ratio(Scale unit, int levels, Real c) { return rdiv(rmul(from_scale(unit), from_int(levels)), c); }

/// Returns the code of N22.2, lo … levels (lo = -levels for weights, 0 for activations); the clip is not counted.
constexpr std::int8_t clip_code(std::int64_t x, Real ratio, int lo, int levels) {
  const std::optional<Scale> scale = factor(ratio);
  if (!scale) return 0;
  const std::int64_t code = requantize(x, *scale, Rounding::kHalfUp);
  return static_cast<std::int8_t>(std::clamp<std::int64_t>(code, lo, levels));
}

/// Returns the scale of the codes of N22.2: c / M.
constexpr Scale clip_scale(Real c, int levels, std::uint64_t& saturations) {
  return to_scale(rdiv(c, from_int(levels)), saturations);
}

/// Returns T of N22.2: the clip in units of the raw view. Counts the limit of TO_INT.
constexpr std::int32_t clip_window(Real c, Scale unit, std::uint64_t& saturations) {
  return to_int(rdiv(c, from_scale(unit)), 0, saturations);
}

/// Says whether the gradient passes (N22.2). Activations (is_activation) have the strict lower end 0.
constexpr bool in_clip_window(std::int64_t x, std::int32_t window, bool is_activation) {
  return x <= window && (is_activation ? x > 0 : x >= -window);
}

}  // namespace bitloom
