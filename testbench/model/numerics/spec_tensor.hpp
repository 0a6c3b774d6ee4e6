#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "testbench/model/numerics/spec_codes.hpp"
#include "testbench/model/numerics/spec_threefry.hpp"

namespace bitloom::spec {

// What the rules say of whole tensors: constants, scales, random words and the choice of groups, from exact integers
// and the reals of spec_real.hpp.

using Values = std::vector<std::int32_t>;

/// Returns a positive number of the host as an exact fraction: 53 bits and an exponent.
inline Real exact(double x) {
  int exponent = 0;
  const double mantissa = std::frexp(x, &exponent);
  return {static_cast<Wide>(std::ldexp(mantissa, 53)), 1, 53 - exponent};
}
inline AnyScale scale_of(double x) { return nearest(exact(x)); }  ///< N2.6
inline Word real_of(double x) { return nearest_word(exact(x)); }  ///< N11.12
constexpr AnyScale one() { return {32768, 15, false}; }           ///< N2.1
constexpr AnyScale scale_of_word(Word w) { return {w % 65536, static_cast<int>(w / 65536), false}; }
constexpr Word word_of_scale(AnyScale a) { return a.m + static_cast<Word>(a.s) * 65536; }

inline std::int64_t magnitude(std::int64_t x) { return x < 0 ? -x : x; }
inline std::uint32_t largest(const Values& values) {
  std::int64_t max = 0;
  for (const std::int32_t v : values) max = magnitude(v) > max ? magnitude(v) : max;
  return static_cast<std::uint32_t>(max);
}

/// Returns the smallest shift that leaves the largest value at most 15 bits (N13.1).
constexpr int statistics_shift(std::uint32_t max) {
  int shift = 0;
  while (max >= power_of_two(15 + shift)) ++shift;
  return shift;
}

/// Does N2.4 give this scale? `keep`: of a tensor of zeros.
constexpr bool is_maximum_scale(AnyScale got, std::uint32_t max, AnyScale unit, int largest_code, AnyScale keep) {
  if (max == 0) return got.m == keep.m && got.s == keep.s;
  return is_smallest_at_least(got, maximum_over_codes(max, unit, largest_code));
}

/// Computes the SAWB scale of raw values in `unit` (N18); c1, c2: the recipe's constants.
inline AnyScale sawb_scale(const Values& values, AnyScale unit, double c1, double c2, bool is_unsigned) {
  const std::uint32_t max = largest(values);
  const int shift = statistics_shift(max);
  Wide absolute = 0, square = 0;
  for (const std::int32_t v : values) {
    const Wide t = round_half_up({v, power_of_two(shift)});
    absolute += t < 0 ? -t : t;
    square += t * t;
  }
  const Word n = integer(static_cast<Wide>(values.size()));
  const Word mean = over(integer(absolute), n), mean_square = over(integer(square), n);
  const Word rms = times(mean_square, reciprocal_root(mean_square));
  Word alpha = plus(times(real_of(c1), rms), negative(times(real_of(c2), mean)));
  if (less(alpha, mean)) alpha = mean;
  if (is_unsigned) alpha = times(alpha, integer(2));
  const Word top = times(integer(max), power(-shift));
  if (less(top, alpha)) alpha = top;
  return as_scale(over(times(alpha, times(word_of_scale(unit), power(shift))), integer(is_unsigned ? 15 : 7)));
}

/// Returns by how many bits values up to `max` are shifted to fit `bits` (N24.1).
constexpr int niti_shift(std::uint32_t max, int bits) {
  int length = 0;
  while (power_of_two(length) < max) ++length;
  return length > bits - 1 ? length - (bits - 1) : 0;
}

/// An integer times a factor as N12's P has it, with one rounding half up to an integer (N22.2).
constexpr Wide by_factor(std::int64_t x, Word factor) {
  const Parts p = parts(factor);
  if (p.m == 0 || p.s > 63) return 0;
  if (p.s < 0) return Wide{x} * 65535;
  return round_half_up({Wide{x} * p.m, power_of_two(p.s)});
}

/// The random words of a tensor and a use (N4.2, N4.3, N4.5).
class WordSource {
 public:
  WordSource(std::uint64_t seed, std::uint32_t step, int layer, std::uint64_t kind, std::uint64_t use,
             std::uint64_t sample = 0)
      : key_(threefry({seed % 0x100000000ull, seed / 0x100000000ull},
                      {step, (16 * static_cast<std::uint64_t>(layer + 1) + kind) * 65536 + use * 256 + sample}, 20)) {}

  /// Returns the r-bit word of (row, col), r = 8 or 16. Neighbours in a row share a call of the generator.
  std::uint32_t word(std::uint64_t row, std::uint64_t col, unsigned r) const {
    const std::uint64_t fields = 64 / r, half = fields / 2, field = col % fields;
    const std::vector<std::uint64_t> counter{row, col / fields};
    if (counter != counter_ || words_.empty()) {
      words_ = threefry(key_, counter, 13);
      counter_ = counter;
    }
    return static_cast<std::uint32_t>((words_[field / half] >> (field % half * r)) % (std::uint64_t{1} << r));
  }

 private:
  std::vector<std::uint64_t> key_;
  mutable std::vector<std::uint64_t> counter_, words_;
};

/// Minimum and maximum of each group (N21.1); `group_of` tells an element's group.
struct Extremes {
  Values lo, hi;
};
template <class GroupOf>
Extremes extremes(const Values& values, std::size_t groups, const GroupOf& group_of) {
  Extremes found{Values(groups), Values(groups)};
  std::vector<bool> seen(groups);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t g = group_of(i);
    if (!seen[g] || values[i] < found.lo[g]) found.lo[g] = values[i];
    if (!seen[g] || values[i] > found.hi[g]) found.hi[g] = values[i];
    seen[g] = true;
  }
  return found;
}

/// How a group's codes lie (N21.1), B codes above the lowest.
struct Grid {
  std::int64_t lo;
  Word ratio, step;
};
inline Grid grid(std::int64_t lo, std::int64_t hi, int codes) {
  return {lo, over(integer(codes), integer(hi - lo)), over(integer(hi - lo), integer(codes))};
}
/// Makes the grid of the tensor. There z is the last code whose place, as the reals have it, is not above that of 0.
inline Grid grid_of_tensor(std::int64_t lo, std::int64_t hi, int codes) {
  const std::int64_t below = lo < 0 ? -lo : 0, above = hi > 0 ? hi : 0;
  const Word place = over(times(integer(below), integer(codes)), integer(below + above));
  const std::int64_t z = to_integer(plus(place, power(-1) + 0x80000000u), 0).value;
  if (z == 0) return grid(0, above, codes);
  return {lo, over(integer(z), integer(below)), over(integer(below), integer(z))};
}

/// Chooses groups by rank, N21.4 `top`: a group stays when fewer than max(1, N div b) come before it.
inline std::vector<Word> keep_top(const Extremes& of, int b) {
  const auto score = [&](std::size_t g) { return std::max(magnitude(of.lo[g]), magnitude(of.hi[g])); };
  const std::size_t groups = of.lo.size(), places = groups / static_cast<std::size_t>(b);
  std::vector<Word> keep;
  for (std::size_t g = 0; g < groups; ++g) {
    std::size_t before = 0;
    for (std::size_t other = 0; other < groups; ++other) {
      before += score(other) > score(g) || (score(other) == score(g) && other < g) ? 1 : 0;
    }
    keep.push_back(before < (places == 0 ? 1 : places) ? power(0) : Word{0});
  }
  return keep;
}

/// Chooses groups by chance, N21.4 `bernoulli`.
inline std::vector<Word> keep_bernoulli(const Extremes& of, int b, const WordSource& random) {
  const std::size_t groups = of.lo.size();
  const auto range = [&](std::size_t g) { return integer(Wide{of.hi[g]} - of.lo[g]); };
  Word sum = 0;
  for (std::size_t g = 0; g < groups; ++g) sum = plus(sum, range(g));
  std::vector<Word> keep(groups, power(0));
  for (std::size_t g = 0; sum != 0 && g < groups; ++g) {
    const Word share = over(times(range(g), integer(static_cast<Wide>(groups))), times(integer(b), sum));
    const std::int64_t chance = std::min<std::int64_t>(65536, to_integer(share, 16).value);
    keep[g] = random.word(0, g, 16) < chance ? over(integer(65536), integer(chance)) : 0;
  }
  return keep;
}

/// Returns the largest magnitude of reals.
inline Word largest_real(const std::vector<Word>& values) {
  Word max = 0;
  for (const Word w : values) max = less(max, w % 0x80000000u) ? w % 0x80000000u : max;
  return max;
}

/// Returns Z of N21.2, for sums of `terms` products with codes of a magnitude up to 2^`code_bits`: the smallest J with
/// terms · 2^code_bits <= 2^(17 + J) for a power of two of terms.
inline Word group_common(const std::vector<Word>& step, const std::vector<Word>& offset, std::int64_t terms,
                         int code_bits) {
  int growth = 0, bits = 0;
  while (power_of_two(bits) < terms) ++bits;
  while (bits + code_bits > 17 + growth) ++growth;
  const Word part = times(largest_real(offset), power(-4));
  const Word z = times(less(largest_real(step), part) ? part : largest_real(step), power(growth - 8));
  return z == 0 ? power(0) : z;
}

/// Returns Z of a view of 16 bits, for sums that grow by 2^growth (N21.2, N5.5).
inline Word group_common16(const std::vector<Word>& step, const std::vector<Word>& offset, int largest_code,
                           int growth) {
  const Word codes = times(largest_real(step), integer(largest_code));
  const Word z = times(less(codes, largest_real(offset)) ? largest_real(offset) : codes, power(growth - 15));
  return z == 0 ? power(0) : z;
}

}  // namespace bitloom::spec
