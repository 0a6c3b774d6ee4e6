#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

#include "model/io/error.hpp"
#include "model/numerics/numbers.hpp"

namespace bitloom {

// Reals (N11): 16-bit mantissa, 8-bit shift and sign in one word, for the few values per channel, sample or tensor that
// are no integers. Every result is a pure function of words; overflow limits the value and is not counted.

__extension__ typedef __int128 Int128;

constexpr int kRealMinShift = -128;  ///< s of the largest reals (N11)
constexpr int kRealMaxShift = 127;   ///< s of the smallest

/// 0, or ±m · 2^-s with m in [2^15, 2^16) and s in [-128, 127], as the word `m | (s & 255) << 16 | sign << 31` (N11).
struct Real {
  std::uint32_t bits = 0;

  constexpr std::uint32_t word() const { return bits; }
  static constexpr Real from_word(std::uint32_t w) { return {w}; }
  constexpr bool is_zero() const { return bits == 0; }
  constexpr bool negative() const { return (bits >> 31) != 0; }
  constexpr std::int64_t m() const { return bits & 0xffffu; }
  constexpr int s() const { return static_cast<std::int8_t>((bits >> 16) & 0xffu); }
  constexpr bool operator==(const Real&) const = default;
};

/// Says whether the word is one that N11 allows.
constexpr bool is_real(Real a) { return a.is_zero() || (a.m() >= 32768 && ((a.bits >> 24) & 127u) == 0); }

/// Returns the value, for reports.
inline double value(Real a) {
  const double magnitude = std::ldexp(static_cast<double>(a.m()), -a.s());
  return a.negative() ? -magnitude : magnitude;
}

/// Returns a mantissa in [2^15, 2^16] with any shift, as a real: 2^16 is carried into the shift, then the range of N11.
constexpr Real make_real(bool negative, std::uint32_t m, int s) {
  if (m == 65536) {
    m = 32768;
    --s;
  }
  if (s > kRealMaxShift) return {};
  if (s < kRealMinShift) {
    m = 65535;
    s = kRealMinShift;
  }
  return {m | ((static_cast<std::uint32_t>(s) & 0xffu) << 16) | (negative ? 0x80000000u : 0u)};
}

/// Returns the real nearest to x · 2^-k, half up on the magnitude (N11.1). |x| < 2^100.
constexpr Real real_round(Int128 x, int k) {
  if (x == 0) return {};
  Int128 magnitude = x < 0 ? -x : x;
  int n = 0;  // top bit
  for (Int128 above = magnitude >> 1; above != 0; above >>= 1) ++n;
  if (n <= 15) {
    magnitude <<= 15 - n;
  } else {
    magnitude = (magnitude + (Int128{1} << (n - 16))) >> (n - 15);
  }
  return make_real(x < 0, static_cast<std::uint32_t>(magnitude), k + 15 - n);
}

/// Returns x · 2^-k for an integer (N11.8).
constexpr Real from_int(std::int64_t x, int k = 0) { return real_round(x, k); }
/// Returns 2^k (N11.11). -112 <= k <= 143.
constexpr Real exp2_real(int k) { return make_real(false, 32768, 15 - k); }
/// Returns a scale's value, exactly: the words are equal (N11).
constexpr Real from_scale(Scale a) { return {bitloom::word(a)}; }

constexpr Real rneg(Real a) { return a.is_zero() ? a : Real{a.bits ^ 0x80000000u}; }  ///< -a (N11.10)
constexpr Real rabs(Real a) { return {a.bits & 0x7fffffffu}; }                        ///< |a| (N11.10)

/// Returns a · b (N11.2).
constexpr Real rmul(Real a, Real b) {
  const std::int64_t product = a.m() * b.m();
  return real_round(a.negative() != b.negative() ? -product : product, a.s() + b.s());
}
/// Returns a · b · c, from left to right (N16).
constexpr Real rmul(Real a, Real b, Real c) { return rmul(rmul(a, b), c); }

/// Returns a / b (N11.3); 0 where either is 0.
constexpr Real rdiv(Real a, Real b) {
  if (a.is_zero() || b.is_zero()) return {};
  const int shift = a.m() >= b.m() ? 15 : 16;
  const std::int64_t m = ((a.m() << (shift + 1)) + b.m()) / (2 * b.m());
  return make_real(a.negative() != b.negative(), static_cast<std::uint32_t>(m), a.s() - b.s() + shift);
}

/// Returns a + b, rounded once (N11.4).
constexpr Real radd(Real a, Real b) {
  if (a.is_zero()) return b;
  if (b.is_zero()) return a;
  const Real high = a.s() <= b.s() ? a : b;
  const Real low = a.s() <= b.s() ? b : a;
  const int distance = low.s() - high.s();
  if (distance > 31) return high;
  const std::int64_t high_m = high.m() << distance;
  return real_round((high.negative() ? -high_m : high_m) + (low.negative() ? -low.m() : low.m()), low.s());
}

/// Returns the largest integer whose square is at most x, by Newton's method in integers.
constexpr std::uint32_t integer_sqrt(std::uint64_t x) {
  if (x == 0) return 0;
  const int shift = std::countl_zero(x) & ~1;
  const std::uint64_t n = x << shift;  // m · 2^62, m in [1, 4)
  // √m from above by its tangent at 2, (m + 2) / √8, at most 6.1 % off; three steps leave less than 2^-39 of the root,
  // from above again, and what the divisions drop.
  std::uint64_t root = (((n >> 31) + (std::uint64_t{1} << 32)) * 92682) >> 18;
  for (int step = 0; step < 3; ++step) root = (root + n / root) / 2;
  root = std::min<std::uint64_t>(root, 4294967295u);
  while (root * root > n) --root;
  return static_cast<std::uint32_t>(root >> (shift / 2));
}

/// Returns 1 / √a; 0 for a <= 0 (N11.5).
constexpr Real rsqrt(Real a) {
  if (a.is_zero() || a.negative()) return {};
  const bool odd = (a.s() & 1) != 0;
  const auto mantissa = static_cast<std::uint64_t>(odd ? 2 * a.m() : a.m());
  const int shift = odd ? a.s() + 1 : a.s();
  return real_round(integer_sqrt((std::uint64_t{1} << 56) / mantissa), 28 - shift / 2);
}

/// Returns √a = a · (1 / √a); 0 for a <= 0 (N11.6).
constexpr Real square_root(Real a) { return rmul(a, rsqrt(a)); }

/// Says whether a < b, by value.
constexpr bool rless(Real a, Real b) {
  if (a.is_zero() || b.is_zero() || a.negative() != b.negative()) {
    return a.is_zero() ? !b.is_zero() && !b.negative() : (b.is_zero() ? a.negative() : a.negative());
  }
  const Real smaller = a.negative() ? b : a;  // by magnitude, if a < b
  const Real larger = a.negative() ? a : b;
  return smaller.s() != larger.s() ? smaller.s() > larger.s() : smaller.m() < larger.m();
}
constexpr Real rmax(Real a, Real b) { return rless(a, b) ? b : a; }  ///< the first on a tie (N11.10)
constexpr Real rmin(Real a, Real b) { return rless(b, a) ? b : a; }  ///< the first on a tie (N11.10)

/// Returns the sum from the first to the last (N11.10).
constexpr Real rsum(std::span<const Real> values) {
  Real sum;
  for (const Real v : values) sum = radd(sum, v);
  return sum;
}
/// Returns the largest magnitude (N11.10).
constexpr Real rmaxabs(std::span<const Real> values) {
  Real max;
  for (const Real v : values) max = rmax(max, rabs(v));
  return max;
}

/// Returns floor(a · 2^f + 1/2) limited to ±(2^31 - 1), counted (N11.7).
constexpr std::int32_t to_int(Real a, int f, std::uint64_t& saturations) {
  const std::int64_t m = a.negative() ? -a.m() : a.m();
  const int down = a.s() - f;
  std::int64_t result = 0;
  if (down <= 0) {
    result = down < -16 ? m * 65536 : m * (std::int64_t{1} << -down);  // 2^15 · 2^16 is beyond the limit already
  } else if (down <= 17) {
    result = (m + (std::int64_t{1} << (down - 1))) >> down;
  }
  return static_cast<std::int32_t>(saturate(result, kRawLimit, saturations));
}

/// Returns n · x2 - x1 · y1, rounded once (N11.9). 0 <= n < 2^26, |x2| < 2^60, |x1|, |y1| < 2^48.
constexpr Real centered(std::int64_t n, std::int64_t x2, std::int64_t x1, std::int64_t y1) {
  return real_round(Int128{n} * x2 - Int128{x1} * y1, 0);
}

/// Returns a real above 0 as a scale, limited to N2.1's range, counted; a <= 0 gives ONE (N11.11).
constexpr Scale to_scale(Real a, std::uint64_t& saturations) {
  if (a.is_zero() || a.negative()) return kOne;
  return normalized(static_cast<std::uint32_t>(a.m()), a.s(), saturations);
}

/// Returns the real nearest to a constant, half up on the magnitude; on the host only (N11.12). Throws Error when
/// `constant` is not finite or no real is near it.
inline Real real_constant(double constant) {
  if (constant == 0.0) return {};
  int exponent = 0;
  const double fraction = std::frexp(std::fabs(constant), &exponent);  // [1/2, 1)
  if (!std::isfinite(constant) || exponent > 143 || exponent < -110) {
    throw Error("real: expected a number from 2^-111 to 2^143, got " + std::to_string(constant));
  }
  return make_real(constant < 0.0, static_cast<std::uint32_t>(std::floor(fraction * 65536.0 + 0.5)), 16 - exponent);
}

}  // namespace bitloom
