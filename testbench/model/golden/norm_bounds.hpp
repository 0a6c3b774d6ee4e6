#pragma once
#include "testbench/model/golden/real_ops.hpp"
#include "testbench/model/numerics/spec_tensor.hpp"

// How far the integer rules may be from real numbers.

namespace bitloom::testing {

// Tolerances are sums of roundings: each is counted where it is used, with the rule that makes it.

/// Relative error of one rounding to a mantissa of 16 bits, which is at least 2^15 (N2.2, N2.3, N11): half a place.
inline constexpr double kRounding = 1.0 / 65536.0;
/// N2.4 rounds up by less than a place.
inline constexpr double kRoundingUp = 1.0 / 32768.0;
inline constexpr double kStandardizationEps = 1e-5;  // N16.4

/// Returns half of what a place of the statistics' 15-bit values stands for, or 0 where nothing is shifted away
/// (N13.1).
inline double half_place(const spec::Values& raw, double unit) {
  const int shift = spec::statistics_shift(spec::largest(raw));
  return shift == 0 ? 0.0 : std::ldexp(unit, shift - 1);
}

/// What the tolerances of N16 depend on besides the tensors.
struct NormFacts {
  bool whole = false;
  double eps = 0.0;
  std::size_t channels = 1;
  double half = 0.0, half_of_dy = 0.0;  ///< half_place() of x and of dy
  double unit_of_dx = 0.0;
  double unit_of_y = 1.0 / 65536.0;
};
struct NormBounds {
  Reals y, dx, dgamma, dbeta, mean, variance;
};
/// Derives elementwise tolerances of N16.1, N16.3 and of the batch's mean and unbiased variance in N16.2, by counting
/// roundings.
NormBounds norm_bounds(const NormFacts& facts, const Reals& x, const Reals& gamma, const Reals& beta, const Reals& dy);

}  // namespace bitloom::testing
