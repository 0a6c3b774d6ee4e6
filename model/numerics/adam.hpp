#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "model/numerics/affine.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/real.hpp"

namespace bitloom {

// Adam with states of 8 (or 16) bits in blocks (N25). A block is a column of a weight matrix, or an element of a
// vector; it computes in integers of a unit of its own, 2^-(s + 14).

constexpr std::int64_t kAdamStepLimit = (std::int64_t{1} << 20) - 1;  ///< of m / √v in 2^-16 (N25.4)
constexpr Real kAdamLeastBound = exp2_real(-64);                      ///< of B (N25.2)
constexpr Real kAdamLargestBound{65535};                              ///< of B: s is never negative
constexpr Real kAdamLargestInteger = exp2_real(30);                   ///< of r_lo and epsilon (N25.2)

/// The state of a block beside its codes (N25.1): m = code · m_step, √v = r_lo + code · r_step.
struct AdamBlock {
  Real m_step, r_lo, r_step;
  constexpr bool operator==(const AdamBlock&) const = default;
};

/// Constants of a tensor and step: beta1, beta2 and epsilon in units of 2^-16, 2^-16 and 1; bits of the codes.
struct AdamRates {
  std::uint32_t beta1 = 0;
  std::uint32_t beta2 = 0;
  Real epsilon;
  int bits = 8;

  constexpr std::int64_t m_limit() const { return (std::int64_t{1} << (bits - 1)) - 1; }
  constexpr std::int64_t r_limit() const { return (std::int64_t{1} << bits) - 1; }
};

/// What turns codes and gradients of a block into its integers (N25.2).
struct AdamFactors {
  int shift = 0;  ///< integers are units of 2^-shift
  Real m, r, g;   ///< factors of m codes, √v codes and raw gradients
  std::int64_t r_lo = 0;
  std::int64_t epsilon = 1;
};

/// Returns x · a half up, limited to ±(2^31 - 1) without counting (N25.2). |x| < 2^31.
constexpr std::int64_t adam_integer(std::int64_t x, Real a) {
  std::uint64_t uncounted = 0;
  const std::int64_t product = a.negative() ? -x * a.m() : x * a.m();
  if (product == 0 || a.s() > 63) return 0;
  if (a.s() > 0) return saturate((product + (std::int64_t{1} << (a.s() - 1))) >> a.s(), kRawLimit, uncounted);
  const std::int64_t limited = saturate(product, kRawLimit, uncounted);
  return a.s() < -31 ? saturate(limited * (kRawLimit + 1), kRawLimit, uncounted)
                     : saturate(limited * (std::int64_t{1} << -a.s()), kRawLimit, uncounted);
}

/// Returns the factors of a block (N25.2). max_gradient is max |raw gradient| of the block.
constexpr AdamFactors adam_factors(const AdamBlock& block, const AdamRates& rates, std::uint32_t max_gradient,
                                   Scale gradient_unit) {
  std::uint64_t uncounted = 0;  // nothing here reaches a limit of N11.7
  const Real m_bound = rmul(block.m_step, from_int(rates.m_limit()));
  const Real r_bound = radd(block.r_lo, rmul(block.r_step, from_int(rates.r_limit())));
  const Real g_bound = rmul(from_int(max_gradient), from_scale(gradient_unit));
  const Real bound = rmin(rmax(rmax(m_bound, r_bound), rmax(g_bound, kAdamLeastBound)), kAdamLargestBound);
  AdamFactors f;
  f.shift = bound.s() + 14;
  const auto in_units = [&](Real a) { return rmul(a, exp2_real(f.shift)); };
  f.m = in_units(block.m_step);
  f.r = in_units(block.r_step);
  f.g = in_units(from_scale(gradient_unit));
  f.r_lo = to_int(rmin(in_units(block.r_lo), kAdamLargestInteger), 0, uncounted);
  f.epsilon = std::max(1, to_int(rmin(in_units(rates.epsilon), kAdamLargestInteger), 0, uncounted));
  return f;
}

/// New moments of an element, in units of the block (N25.3).
struct AdamMoments {
  std::int64_t m = 0;  ///< |m| < 2^31
  std::int64_t r = 0;  ///< √v, 0 … 2^31 - 1
};

/// Returns an element's new moments from its codes (N25.3). m_code is in ±m_limit, r_code in [0, r_limit].
constexpr AdamMoments adam_moments(std::int32_t m_code, std::int32_t r_code, std::int32_t gradient,
                                   const AdamFactors& f, const AdamRates& rates) {
  std::uint64_t uncounted = 0;
  const std::int64_t g = adam_integer(gradient, f.g);
  const std::int64_t m = adam_integer(m_code, f.m);
  const std::int64_t r = saturate(f.r_lo + adam_integer(r_code, f.r), kRawLimit, uncounted);
  const std::int64_t b1 = rates.beta1;
  const auto square = [](std::int64_t x) {
    const std::int64_t coarse = (x + 128) >> 8;  // 24 bits: the sum of squares fits 64
    return static_cast<std::uint64_t>(coarse * coarse);
  };
  const std::uint64_t v = rates.beta2 * square(r) + (65536 - std::uint64_t{rates.beta2}) * square(g);
  return {(b1 * m + (65536 - b1) * g + 32768) >> 16,
          std::min<std::int64_t>(static_cast<std::int64_t>(integer_sqrt(v)), kRawLimit)};
}

/// Returns m / (√v + epsilon) with 16 fraction bits, half up on the magnitude, limited to ±(2^20 - 1), counted (N25.4).
constexpr std::int64_t adam_step(const AdamMoments& moments, const AdamFactors& f, std::uint64_t& saturations) {
  const std::int64_t divisor = moments.r + f.epsilon;
  const std::int64_t magnitude = moments.m < 0 ? -moments.m : moments.m;
  const std::int64_t quotient = (magnitude * 65536 + divisor / 2) / divisor;
  return saturate(moments.m < 0 ? -quotient : quotient, kAdamStepLimit, saturations);
}

/// Returns the new master weight or bias (N25.5): ratio = adam_ratio(), u a 16-bit word.
constexpr std::int32_t adam_master(std::int32_t master, std::int64_t step, Real ratio, std::int64_t limit,
                                   std::uint32_t u, std::uint64_t& saturations) {
  const std::int64_t b = std::int64_t{master} * 65536 - real_product(step, ratio);
  return static_cast<std::int32_t>(saturate((b + 65535 - std::int64_t{u}) >> 16, limit, saturations));
}

/// What codes a block's new moments (N25.6).
struct AdamCoder {
  AdamBlock block;
  Real m_ratio, r_ratio;
  std::int64_t r_min = 0;
};

/// Returns what codes a block's new moments, from their extremes (N25.6).
constexpr AdamCoder adam_coder(std::int64_t m_max, std::int64_t r_min, std::int64_t r_max, const AdamFactors& f,
                               const AdamRates& rates) {
  const Real m_limit = from_int(rates.m_limit());
  const Real r_limit = from_int(rates.r_limit());
  const Real unit = exp2_real(-f.shift);
  const Real m = from_int(m_max);
  const Real range = from_int(r_max - r_min);
  return {{rdiv(rmul(m, unit), m_limit), rmul(from_int(r_min), unit), rdiv(rmul(range, unit), r_limit)},
          rdiv(m_limit, m),
          rdiv(r_limit, range),
          r_min};
}

/// Returns the code of m, half up (N25.6).
constexpr std::int32_t adam_m_code(std::int64_t m, const AdamCoder& coder, const AdamRates& rates) {
  return static_cast<std::int32_t>(std::clamp(adam_integer(m, coder.m_ratio), -rates.m_limit(), rates.m_limit()));
}

/// Returns the code of √v (N25.6): half up, but 0 only for the smallest, so that no element's √v becomes 0 or shrinks
/// below 2/3.
constexpr std::int32_t adam_r_code(std::int64_t r, const AdamCoder& coder, const AdamRates& rates) {
  if (r == coder.r_min) return 0;
  const std::int64_t code = adam_integer(r - coder.r_min, coder.r_ratio);
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(code, 1, rates.r_limit()));
}

/// Bias correction (N25.7): beta1^t and beta2^t of the current step t = 1, 2, …
struct AdamPowers {
  Real beta1 = exp2_real(0);
  Real beta2 = exp2_real(0);
  constexpr bool operator==(const AdamPowers&) const = default;
};

/// Returns the powers of the next step (N25.7).
constexpr AdamPowers adam_next(const AdamPowers& powers, const AdamRates& rates) {
  return {rmul(powers.beta1, from_int(rates.beta1, 16)), rmul(powers.beta2, from_int(rates.beta2, 16))};
}

/// Returns lr · √(1 - beta2^t) / (1 - beta1^t) (N25.7).
constexpr Real adam_rate(Real lr, const AdamPowers& powers) {
  const Real one = exp2_real(0);
  return rmul(lr, rdiv(square_root(radd(one, rneg(powers.beta2))), radd(one, rneg(powers.beta1))));
}

/// Returns the ratio of N25.5 for a state whose unit is `unit` (of a master weight, or LWQ's s_w): rate / unit · 2^-16.
constexpr Real adam_ratio(Real rate, Scale unit) { return rmul(rdiv(rate, from_scale(unit)), exp2_real(-16)); }

}  // namespace bitloom
