#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

#include "model/io/error.hpp"

namespace bitloom {

// Codes, scales and requantization: rules N1, N2 and N3 of docs/numerics.md. Everything is exact integer arithmetic;
// `saturations` arguments are counters that are incremented, never reset.

/// Returns the largest code of `bits` (N1.1): 127 for 8, 7 for 4.
constexpr int qmax(int bits) { return (1 << (bits - 1)) - 1; }

constexpr std::int64_t kRawLimit = (std::int64_t{1} << 31) - 1;       ///< raw 32-bit view (N3.5)
constexpr std::int64_t kMomentumLimit = (std::int64_t{1} << 15) - 1;  ///< int16 momentum (N9.1)
constexpr std::int64_t kMasterLimit = (std::int64_t{1} << 23) - 1;    ///< int24 master weight (N9.2)
constexpr std::int64_t kBiasLimit = kRawLimit;                        ///< int32 bias (N9.2)
constexpr std::int64_t kFixed16Limit = (std::int64_t{1} << 46) - 1;   ///< N3.6

/// Returns two int4 codes in a byte, the even index in the low nibble (N1.2).
constexpr std::uint8_t pack_nibbles(int even, int odd) {
  return static_cast<std::uint8_t>((static_cast<unsigned>(even) & 15u) | ((static_cast<unsigned>(odd) & 15u) << 4));
}
/// Returns code number 0 (even) or 1 (odd) of a packed byte (N1.2).
constexpr int unpack_nibble(std::uint8_t byte, int index) { return (((byte >> (4 * index)) & 15) ^ 8) - 8; }

/// Limits `value` to [-limit, +limit] and counts when that changes it.
constexpr std::int64_t saturate(std::int64_t value, std::int64_t limit, std::uint64_t& saturations) {
  if (value > limit) {
    ++saturations;
    return limit;
  }
  if (value < -limit) {
    ++saturations;
    return -limit;
  }
  return value;
}

/// The real number m * 2^-s with m in [2^15, 2^16) and s in [0, 63] (N2.1).
struct Scale {
  std::uint16_t m = 32768;
  std::uint8_t s = 15;
  constexpr bool operator==(const Scale&) const = default;
};

constexpr Scale kOne{32768, 15};           ///< 1.0
constexpr std::uint32_t kNoScale = 0;      ///< the word that stands for "no scale"; never an operand
constexpr Scale kLog2E{47274, 15};         ///< log2(e), N7.1
constexpr Scale kTwoToMinus16{32768, 31};  ///< unit of the loss gradient times the batch size, N7.3

constexpr bool is_scale(Scale a) { return a.m >= 32768 && a.s <= 63; }

/// Returns the 32-bit word of a scale: m in bits 15..0, s in bits 21..16 (N2.1).
constexpr std::uint32_t word(Scale a) { return std::uint32_t{a.m} | (std::uint32_t{a.s} << 16); }
/// Returns the inverse of word(); for a word that is no scale, is_scale() of the result is false.
constexpr Scale from_word(std::uint32_t w) {
  return {static_cast<std::uint16_t>(w & 0xffffu), static_cast<std::uint8_t>((w >> 16) & 0xffu)};
}

/// Returns the real value, for reports.
inline double value(Scale a) { return std::ldexp(static_cast<double>(a.m), -static_cast<int>(a.s)); }

/// Returns a mantissa in [2^15, 2^16] with any shift, as a scale: 2^16 is carried into the shift, then N2.1's range.
constexpr Scale normalized(std::uint32_t m, int s, std::uint64_t& saturations) {
  if (m == 65536) {
    m = 32768;
    --s;
  }
  if (s < 0) {
    ++saturations;
    return {65535, 0};
  }
  if (s > 63) {
    ++saturations;
    return {32768, 63};
  }
  return {static_cast<std::uint16_t>(m), static_cast<std::uint8_t>(s)};
}

/// Returns a * b, mantissa rounded half up (N2.2).
constexpr Scale mul(Scale a, Scale b, std::uint64_t& saturations) {
  const std::uint32_t product = std::uint32_t{a.m} * std::uint32_t{b.m};
  const int shift = product >= (std::uint32_t{1} << 31) ? 16 : 15;
  const std::uint64_t half = std::uint64_t{1} << (shift - 1);
  const auto m = static_cast<std::uint32_t>((product + half) >> shift);
  return normalized(m, int{a.s} + int{b.s} - shift, saturations);
}

/// Returns a / b, mantissa rounded half up (N2.3).
constexpr Scale div(Scale a, Scale b, std::uint64_t& saturations) {
  const int shift = a.m >= b.m ? 15 : 16;
  const std::uint64_t dividend = (std::uint64_t{a.m} << (shift + 1)) + b.m;
  const auto m = static_cast<std::uint32_t>(dividend / (2 * std::uint64_t{b.m}));
  return normalized(m, int{a.s} - int{b.s} + shift, saturations);
}

/// Returns the smallest scale whose value is at least max * unit / largest_code (N2.4). max < 2^31; max 0 gives `keep`,
/// or ONE.
constexpr Scale max_to_scale(std::uint32_t max, Scale unit, int largest_code, std::optional<Scale> keep,
                             std::uint64_t& saturations) {
  if (max == 0) return keep.value_or(kOne);
  const auto top_bit = [](std::uint64_t v) { return static_cast<int>(std::bit_width(v)) - 1; };
  const std::uint64_t product = std::uint64_t{max} * unit.m;
  const int z = 47 - top_bit(product);
  const auto divisor = static_cast<std::uint64_t>(largest_code);
  const std::uint64_t quotient = ((product << z) + divisor - 1) / divisor;
  const int k = top_bit(quotient) - 15;
  const std::uint64_t below = (std::uint64_t{1} << k) - 1;
  return normalized(static_cast<std::uint32_t>((quotient + below) >> k), int{unit.s} + z - k, saturations);
}

/// Returns the integer n, 1 <= n < 2^16, exactly (N2.5).
constexpr Scale from_integer(std::uint32_t n) {
  Scale a{0, 0};
  while (n < 32768) {
    n *= 2;
    ++a.s;
  }
  a.m = static_cast<std::uint16_t>(n);
  return a;
}

/// Returns 2^-f, -15 <= f <= 48 (N2.5).
constexpr Scale power_of_two(int f) { return {32768, static_cast<std::uint8_t>(15 + f)}; }

/// Returns a positive real constant with its mantissa rounded half up (N2.6), on the host. Throws Error when `real` is
/// not a number that a scale can hold.
inline Scale nearest_scale(double real) {
  if (!(real > 0.0) || !std::isfinite(real)) {
    throw Error("scale: expected a positive finite number, got " + std::to_string(real));
  }
  int exponent = 0;
  const double fraction = std::frexp(real, &exponent);  // [1/2, 1)
  std::uint64_t out_of_range = 0;
  const Scale a =
      normalized(static_cast<std::uint32_t>(std::floor(fraction * 65536.0 + 0.5)), 16 - exponent, out_of_range);
  if (out_of_range != 0) {
    throw Error("scale: expected a number from 2^-48 to 65535, got " + std::to_string(real));
  }
  return a;
}

/// How requantization rounds: N3.1, N3.2, N3.3, N3.4.
enum class Rounding { kHalfUp, kNearestEven, kFloor, kStochastic };

/// Returns x * ratio rounded once to an integer (N3.1 to N3.4), not yet clamped. |x| < 2^46. Stochastic rounding uses
/// the random word u in [0, 2^r), 1 <= r <= 16; the other roundings ignore it.
constexpr std::int64_t requantize(std::int64_t x, Scale ratio, Rounding rounding, std::uint32_t u = 0, int r = 8) {
  const std::int64_t product = x * ratio.m;  // below 2^62
  const int s = ratio.s;
  const std::int64_t half = s == 0 ? 0 : std::int64_t{1} << (s - 1);
  switch (rounding) {
    case Rounding::kHalfUp:
      return (product + half) >> s;
    case Rounding::kNearestEven: {
      const std::int64_t floor = product >> s;
      const std::uint64_t below_point = (std::uint64_t{1} << s) - 1;
      const auto remainder = static_cast<std::int64_t>(static_cast<std::uint64_t>(product) & below_point);
      const bool up = remainder > half || (s != 0 && remainder == half && (floor & 1) != 0);
      return floor + (up ? 1 : 0);
    }
    case Rounding::kFloor:
      return product >> s;
    case Rounding::kStochastic: {
      // Up iff the low r bits of t exceed u, by adding 2^r - 1 - u. With s < r, t may need more than 64 bits; since t
      // is then a multiple of 2^(r-s), the same bits of the addend can be dropped instead.
      const std::int64_t addend = (std::int64_t{1} << r) - 1 - std::int64_t{u};
      if (s < r) return (product + (addend >> (r - s))) >> s;
      const std::int64_t t = s == r ? product : (product + (std::int64_t{1} << (s - r - 1))) >> (s - r);
      return (t + addend) >> r;
    }
  }
  return 0;
}

/// Returns the result of requantize(), clamped to +-limit (N3.5).
constexpr std::int64_t requantize_to(std::int64_t x, Scale ratio, Rounding rounding, std::uint32_t u, int r,
                                     std::int64_t limit, std::uint64_t& saturations) {
  return saturate(requantize(x, ratio, rounding, u, r), limit, saturations);
}

/// Returns x * a with 16 fraction bits, half up, limited to +-(2^46 - 1) without counting (N3.6). |x| < 2^33.
constexpr std::int64_t fixed16(std::int64_t x, Scale a) {
  const std::int64_t product = x * a.m;  // below 2^49
  const int s = a.s;
  std::uint64_t uncounted = 0;
  if (s > 16) return saturate((product + (std::int64_t{1} << (s - 17))) >> (s - 16), kFixed16Limit, uncounted);
  const std::int64_t unshifted_limit = kFixed16Limit >> (16 - s);
  if (product > unshifted_limit) return kFixed16Limit;
  if (product < -unshifted_limit) return -kFixed16Limit;
  return product * (std::int64_t{1} << (16 - s));
}

}  // namespace bitloom
