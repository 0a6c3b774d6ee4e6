#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>

#include "model/numerics/numbers.hpp"

namespace bitloom {

// Raw views of 16 bits (N5.5).

constexpr std::int64_t kRaw16Limit = (std::int64_t{1} << 15) - 1;
constexpr int kMostRawShift = 15;
constexpr int kNorm16FracBits = 11;  ///< of a norm's result (N16.1)

/// Returns the largest magnitude of a raw view of these bits.
constexpr std::int64_t raw_limit(int bits) { return bits == 16 ? kRaw16Limit : kRawLimit; }

/// Returns the least e ≥ 0 with min(terms, 16) · terms · (a · b)² < 4^e: up to 2^e are all sums of at most 16 products
/// of codes up to a and b, and longer ones up to 4 times the root of their length. terms < 2^30, a · b < 2^15.
constexpr int raw_growth(std::uint64_t terms, int a, int b) {
  const auto product = static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b);
  const std::uint64_t square = std::min<std::uint64_t>(terms, 16) * terms * product * product;
  return (static_cast<int>(std::bit_width(square)) + 1) / 2;
}

/// Returns by how many bits a sum of `terms` products is shifted into its view.
constexpr int raw_shift(std::uint64_t terms, int a, int b) {
  return std::clamp(raw_growth(terms, a, b) - 15, 0, kMostRawShift);
}

/// Returns by how many bits a sum of `terms` values of 16 bits is shifted so that it fits 16 bits again.
constexpr int pool_shift(std::uint64_t terms) {
  return std::min(static_cast<int>(std::bit_width(terms - 1)), kMostRawShift);
}

/// Returns x / 2^shift, halves to the even neighbour.
constexpr std::int64_t shift_even(std::int64_t x, int shift) {
  const std::int64_t floor = x >> shift;
  const std::int64_t rest = x - floor * (std::int64_t{1} << shift);
  const std::int64_t half = (std::int64_t{1} << shift) / 2;
  const bool up = shift > 0 && (rest > half || (rest == half && floor % 2 != 0));
  return floor + (up ? 1 : 0);
}

/// Returns the view of 16 bits of x (N5.5).
constexpr std::int32_t narrow_view(std::int64_t x, int shift, std::uint64_t& saturations) {
  return static_cast<std::int32_t>(saturate(shift_even(x, shift), kRaw16Limit, saturations));
}

}  // namespace bitloom
