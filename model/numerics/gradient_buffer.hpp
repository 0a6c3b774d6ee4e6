#pragma once
#include <algorithm>
#include <cstdint>
#include <span>

#include "model/numerics/affine.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/real.hpp"

namespace bitloom {

// 8-bit buffer that adds up the weight gradients of a step's micro-batches (N26): a code in ±127 an element, a step
// (the value of one code) an output channel.

constexpr int kBufferBits = 8;
constexpr Scale kBufferRatio = power_of_two(8);      ///< codes of a sum that has 8 fraction bits
constexpr int kVectorSumBits = 24;                   ///< fraction bits of the sums of biases, gamma and beta
constexpr Real kBufferOne = exp2_real(kBufferBits);  ///< a code in sums with 8 fraction bits

/// Returns m of N26.1: the largest magnitude of a column whose extremes are lo <= hi.
constexpr Real buffer_column_max(std::int32_t lo, std::int32_t hi) { return rmax(from_int(hi), rneg(from_int(lo))); }

/// Returns the step of a column (N26.1): `of_column` = its m, `of_tensor` = the largest m, `unit` of the raw gradient.
constexpr Real buffer_step(Real of_column, Real of_tensor, Scale unit, Real headroom) {
  const Real least = rmax(rmul(of_tensor, exp2_real(-2)), exp2_real(0));
  const Real codes = rdiv(headroom, from_int(qmax(kBufferBits)));
  return rmul(rmul(rmax(of_column, least), from_scale(unit)), codes);
}

/// Returns the factor of a raw gradient with this unit in sums with 8 fraction bits (N26.2).
constexpr Real buffer_ratio(Scale unit, Real step) { return rmul(rdiv(from_scale(unit), step), kBufferOne); }

/// Returns code plus gradient with 8 fraction bits (N26.2).
constexpr std::int32_t buffer_sum(std::int32_t code, std::int32_t gradient, Real ratio, std::uint64_t& saturations) {
  return affine(gradient, ratio, code, kBufferOne, 0, saturations);
}

/// Returns the new code of such a sum (N26.2); u is an 8-bit word.
constexpr std::int8_t buffer_code(std::int32_t sum, std::uint32_t u, std::uint64_t& saturations) {
  return static_cast<std::int8_t>(
      requantize_to(sum, kBufferRatio, Rounding::kStochastic, u, 8, qmax(kBufferBits), saturations));
}

/// Returns Z of N26.3.
constexpr Real buffer_common(std::span<const Real> steps) { return rmul(rmaxabs(steps), exp2_real(-8)); }

/// Returns the unit of a mean over micro-batches from that of their sum (N26.3, N26.4).
constexpr Scale buffer_unit(Real unit_of_sum, int micro_batches, std::uint64_t& saturations) {
  return to_scale(rdiv(unit_of_sum, from_int(micro_batches)), saturations);
}

/// Which of a step's micro-batches one is; both where a step has one.
struct MicroBatch {
  bool first = true;
  bool last = true;
};
/// Returns which of a step's micro-batches a step number means: it counts micro-batches (N26.5).
constexpr MicroBatch micro_batch(std::uint32_t step, int micro_batches) {
  const auto of = static_cast<std::uint32_t>(std::max(1, micro_batches));
  return {step % of == 0, step % of == of - 1};
}

}  // namespace bitloom
