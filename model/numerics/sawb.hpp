#pragma once
#include <cstdint>

#include "model/numerics/numbers.hpp"
#include "model/numerics/real.hpp"
#include "model/numerics/statistics.hpp"

namespace bitloom {

/// What SAWB knows about a tensor of n elements (N13): max |u|, and sums of |t| and t² with t = shifted(u, SH).
struct SawbSums {
  std::int64_t n = 1;
  std::uint32_t max = 0;
  std::int64_t absolute = 0;
  std::int64_t square = 0;
};

/// Returns the scale of 4-bit codes (N18): [-7, 7], or with `is_unsigned` [0, 15]. c1, c2 are the recipe's constants.
constexpr Scale sawb_scale(const SawbSums& sums, Scale unit, Real c1, Real c2, bool is_unsigned,
                           std::uint64_t& saturations) {
  const int shift = statistics_shift(sums.max);
  const Real n = from_int(sums.n);
  const Real max = rmul(from_int(sums.max), exp2_real(-shift));
  const Real mean = rdiv(from_int(sums.absolute), n);
  const Real rms = square_root(rdiv(from_int(sums.square), n));
  const Real alpha = rmax(radd(rmul(c1, rms), rneg(rmul(c2, mean))), mean);
  const Real clip = rmin(is_unsigned ? rmul(alpha, from_int(2)) : alpha, max);
  const Real clip_unit = rmul(from_scale(unit), exp2_real(shift));
  return to_scale(rdiv(rmul(clip, clip_unit), from_int(is_unsigned ? 15 : 7)), saturations);
}

}  // namespace bitloom
