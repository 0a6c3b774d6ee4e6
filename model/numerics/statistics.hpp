#pragma once
#include <bit>
#include <cstdint>

namespace bitloom {

// Operands of the exact sums (N13).

/// Returns SH for a tensor whose largest magnitude is `max` (N13.1): 0 … 16.
constexpr int statistics_shift(std::uint32_t max) {
  const int top_bit = static_cast<int>(std::bit_width(max)) - 1;
  return top_bit > 14 ? top_bit - 14 : 0;
}

/// Returns t of N13.1: u / 2^shift half up; |t| <= 2^15.
constexpr std::int32_t shifted(std::int32_t u, int shift) {
  if (shift == 0) return u;
  return static_cast<std::int32_t>((std::int64_t{u} + (std::int64_t{1} << (shift - 1))) >> shift);
}

}  // namespace bitloom
