#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>

#include "model/numerics/numbers.hpp"

namespace bitloom {

// NITI (N24): shifts instead of scales, no state but the weights.

/// Returns ceil(log2 max), 0 for max <= 1 (N24.1).
constexpr int niti_bit_length(std::uint32_t max) { return max <= 1 ? 0 : static_cast<int>(std::bit_width(max - 1)); }

/// Returns a unit rounded up to a power of two, within N2.1's range (N24.4).
constexpr Scale niti_unit(Scale of) {
  return {32768, static_cast<std::uint8_t>(of.m == 32768 || of.s == 0 ? of.s : of.s - 1)};
}

/// Returns how far values up to `max` are shifted to fit `bits` (N24.1, N24.3).
constexpr int niti_shift(std::uint32_t max, int bits) { return std::max(0, niti_bit_length(max) - (bits - 1)); }

/// Returns x / 2^b, half up on the magnitude (N24.1). 0 <= b <= 32.
constexpr std::int64_t shift_half_up(std::int64_t x, int b) {
  const std::int64_t magnitude = x < 0 ? -x : x;
  const std::int64_t y = b == 0 ? magnitude : (magnitude + (std::int64_t{1} << (b - 1))) >> b;
  return x < 0 ? -y : y;
}

/// Returns x / 2^b, rounded by the bits it drops (N24.2). 0 <= b <= 32.
constexpr std::int64_t shift_pseudo_stochastic(std::int64_t x, int b) {
  const std::int64_t magnitude = x < 0 ? -x : x;
  const std::int64_t dropped = magnitude & ((std::int64_t{1} << b) - 1);
  const int half = b / 2;
  const std::int64_t chance = dropped >> half;
  const std::int64_t word = (dropped & ((std::int64_t{1} << half) - 1)) << (b & 1);
  const std::int64_t y = (magnitude >> b) + (chance > word ? 1 : 0);
  return x < 0 ? -y : y;
}

/// Returns the code of an activation or a gradient (N24.1).
constexpr std::int8_t niti_code(std::int64_t x, int shift, int bits, std::uint64_t& saturations) {
  return static_cast<std::int8_t>(saturate(shift_half_up(x, shift), qmax(bits), saturations));
}

/// Returns the new weight (N24.3); shift = niti_shift(max |dw|, gradient_bits).
constexpr std::int8_t niti_update(std::int8_t w, std::int32_t dw, int shift, int gradient_bits,
                                  std::uint64_t& saturations) {
  const std::int64_t g = saturate(shift_pseudo_stochastic(dw, shift), qmax(gradient_bits), saturations);
  return static_cast<std::int8_t>(saturate(w - g, qmax(8), saturations));
}

}  // namespace bitloom
