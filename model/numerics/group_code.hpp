#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include "model/numerics/affine.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/raw_view.hpp"
#include "model/numerics/real.hpp"

namespace bitloom {

// Group quantizer and activation gradient pruning (N21).

/// Returns the range of a group: hi - lo, below 2^32.
constexpr std::int64_t group_range(std::int32_t lo, std::int32_t hi) { return std::int64_t{hi} - lo; }

/// Returns the ratio of N21.1 for b bits: B / range, 0 for a range of 0.
constexpr Real group_ratio(std::int64_t range, int bits) { return rdiv(from_int((1 << bits) - 1), from_int(range)); }

/// Returns the code of g in a group that begins at lo (N21.1), 0 … 2^bits - 1; u in [0, 2^r).
constexpr std::uint8_t group_encode(std::int32_t g, std::int32_t lo, Real ratio, int bits, std::uint32_t u, int r = 8) {
  const std::optional<Scale> scale = factor(ratio);
  if (!scale) return 0;
  const std::int64_t largest = (1 << bits) - 1;
  const std::int64_t q = requantize(std::int64_t{g} - lo, *scale, Rounding::kStochastic, u, r);
  return static_cast<std::uint8_t>(std::clamp<std::int64_t>(q, 0, largest));
}

/// Returns the step of N21.2 without keep: range / B.
constexpr Real group_step(std::int64_t range, int bits) { return rdiv(from_int(range), from_int((1 << bits) - 1)); }

/// How the codes of a group lie (N21.1): code q stands for lo + q · step, and ratio is 1 / step.
struct GroupGrid {
  std::int32_t lo = 0;
  Real ratio, step;
};

/// Returns the grid of a sample or a column, from lo to hi (N21.1).
constexpr GroupGrid group_grid(std::int32_t lo, std::int32_t hi, int bits) {
  const std::int64_t range = group_range(lo, hi);
  return {lo, group_ratio(range, bits), group_step(range, bits)};
}

/// Returns the grid of the tensor, with 2 bits or more: 0 is code z, and the upper end moves up to where that takes it.
/// For z = 0 the codes begin at 0, and what lies below, by less than B / (B - 1) steps, becomes 0.
constexpr GroupGrid snapped_grid(std::int32_t lo, std::int32_t hi, int bits) {
  const Real below = from_int(std::max<std::int64_t>(0, -std::int64_t{lo}));
  const Real above = from_int(std::max<std::int64_t>(0, hi));
  const Real range = from_int(std::max<std::int64_t>(0, hi) + std::max<std::int64_t>(0, -std::int64_t{lo}));
  const Real codes = from_int((1 << bits) - 1);
  const Real place = rdiv(rmul(below, codes), range);  // 0 … B, so that TO_INT limits nothing
  std::uint64_t uncounted = 0;
  const Real z = from_int(to_int(radd(place, rneg(exp2_real(-1))), 0, uncounted));
  if (z.is_zero()) return {0, rdiv(codes, above), rdiv(above, codes)};
  return {lo, rdiv(z, below), rdiv(below, z)};
}

/// Returns J of N21.2 for sums of `terms` products with ±1 codes (`signs`) or with codes of up to 8 bits: keeps the
/// products of sums and factors within N12's.
constexpr int group_growth(std::size_t terms, bool signs) {
  const int bits = static_cast<int>(std::bit_width(terms - 1)) + (signs ? 0 : 7);
  return std::max(0, bits - 17);
}

/// Returns Z of N21.2: the common factor of a view's steps and offsets, 2^(growth - 8) of the largest.
constexpr Real group_common(std::span<const Real> steps, std::span<const Real> offsets, int growth) {
  const Real z = rmul(rmax(rmaxabs(steps), rmul(rmaxabs(offsets), exp2_real(-4))), exp2_real(growth - 8));
  return z.is_zero() ? exp2_real(0) : z;
}

/// Returns J of N21.2 for a view of 16 bits: sums of `terms` products with codes up to `largest` (N5.5).
constexpr int group_growth16(std::size_t terms, int largest) { return raw_growth(terms, 1, largest) - 15; }

/// Returns Z of N21.2 for a view of 16 bits: 2^growth of the largest value.
constexpr Real group_common16(std::span<const Real> steps, std::span<const Real> offsets, int bits, int growth) {
  const Real largest = rmax(rmul(rmaxabs(steps), from_int((1 << bits) - 1)), rmaxabs(offsets));
  const Real z = rmul(largest, exp2_real(growth));
  return z.is_zero() ? exp2_real(0) : z;
}

/// Returns the score of a group for pruning by rank (N21.4).
constexpr std::uint32_t group_score(std::int32_t lo, std::int32_t hi) {
  const auto magnitude = [](std::int32_t v) { return v < 0 ? 0u - static_cast<std::uint32_t>(v) : std::uint32_t(v); };
  return std::max(magnitude(lo), magnitude(hi));
}

/// Returns how many of `groups` pruning by rank keeps (N21.4).
constexpr std::size_t top_count(std::size_t groups, int b) {
  return std::max<std::size_t>(1, groups / static_cast<std::size_t>(b));
}

/// Returns keep of N21.4, `top`: 1 for the top_count() highest scores, the lower index first on a tie.
inline std::vector<std::uint8_t> select_top(std::span<const std::uint32_t> scores, int b) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return scores[i] > scores[j]; });
  std::vector<std::uint8_t> keep(scores.size(), 0);
  const std::size_t count = std::min(scores.size(), top_count(scores.size(), b));
  for (std::size_t i = 0; i < count; ++i) keep[order[i]] = 1;
  return keep;
}

/// Returns P of N21.4, `bernoulli`: the chance of a group in 1 / 65536. `sum` is RSUM of FROM_INT(range) over the
/// groups, not 0. Counts the limit of TO_INT.
constexpr std::uint32_t bernoulli_chance(std::int64_t range, std::size_t groups, int b, Real sum,
                                         std::uint64_t& saturations) {
  const Real share = rdiv(rmul(from_int(range), from_int(static_cast<std::int64_t>(groups))), rmul(from_int(b), sum));
  return static_cast<std::uint32_t>(std::min(65536, to_int(share, 16, saturations)));
}

/// Returns keep of N21.4, `bernoulli`: 65536 / chance, or 0; u16 is the group's word.
constexpr Real bernoulli_keep(std::uint32_t chance, std::uint32_t u16) {
  return u16 < chance ? rdiv(from_int(65536), from_int(chance)) : Real{};
}

}  // namespace bitloom
