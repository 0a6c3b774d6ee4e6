#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "testbench/model/numerics/spec_real.hpp"
#include "testbench/model/numerics/spec_requantize.hpp"

namespace bitloom::spec {

// Codes of the four methods, from what their rules say of values (N19, N21, N22, N24).

/// Returns the number of r-bit words u with distance · 2^r > u, for a distance in [0, 1).
constexpr Wide words_above(Fraction distance, int r) {
  const Fraction scaled{distance.numerator * power_of_two(r), distance.denominator};
  const Wide count = -floor({-scaled.numerator, scaled.denominator});
  return count > power_of_two(r) ? power_of_two(r) : count;
}

/// N19.2: |g| lies between two values of the grid 0, 1, 2, 4 … 2^R (in units of top / 2^R).
struct LogCell {
  int lower = 0;      ///< index into the grid, which is the code's exponent field
  Fraction distance;  ///< above the lower value, in cells
  bool clipped = false;
};

constexpr LogCell log_cell(std::int64_t g, std::int64_t top, int binades) {
  const Fraction value{Wide{g < 0 ? -g : g} * power_of_two(binades), top};
  const auto grid = [](int index) { return index == 0 ? Wide{0} : power_of_two(index - 1); };
  if (value.numerator >= grid(binades + 1) * value.denominator) {
    return {binades + 1, {0, 1}, value.numerator > grid(binades + 1) * value.denominator};
  }
  int lower = 0;
  while (grid(lower + 1) * value.denominator <= value.numerator) ++lower;
  const Wide width = grid(lower + 1) - grid(lower);
  return {lower, {value.numerator - grid(lower) * value.denominator, width * value.denominator}, false};
}

constexpr int log_code_of(std::int64_t g, int index) { return index + (g < 0 && index > 0 ? 8 : 0); }

/// Returns the value of a log code from its fields.
constexpr int log_code_value(int code) {
  constexpr std::array<int, 8> kValues{0, 1, 2, 4, 8, 16, 32, 64};
  const int magnitude = kValues[static_cast<std::size_t>(code % 8)];
  return code >= 8 ? -magnitude : magnitude;
}

/// Returns the smallest number >= max with at most 16 significant bits, or (N19.1) the smallest power of two.
constexpr std::int64_t top_of(std::int64_t max, bool power) {
  std::int64_t top = max < 1 ? 1 : max;
  for (;; ++top) {
    std::int64_t odd = top;
    while (odd % 2 == 0) odd /= 2;
    if (power ? odd == 1 : odd < 65536) return top;
  }
}

/// Returns how a group's value rounds: the code below, and how many of the 2^r words go up (N21.1).
constexpr Chance group_chance(std::int64_t above_lo, Word ratio, int r) {
  const Parts p = parts(ratio);
  if (p.m == 0 || p.s > 63) return {};
  return chance({Wide{above_lo} * p.m, power_of_two(p.s)}, r);
}

/// Returns |x| / 2^b rounded half up, with the sign of x (N24.1).
constexpr Wide half_up_on_magnitude(std::int64_t x, int b) {
  const Wide y = round_half_up({x < 0 ? -Wide{x} : Wide{x}, power_of_two(b)});
  return x < 0 ? -y : y;
}

/// Shifts by N24.2 on the digits of the dropped bits, most significant first: the first ceil(b/2) against the others,
/// which get a 0 appended when they are fewer.
inline std::int64_t pseudo_stochastic(std::int64_t x, int b) {
  std::int64_t rest = x < 0 ? -x : x;
  std::string dropped;
  for (int i = 0; i < b; ++i) {
    dropped.insert(dropped.begin(), rest % 2 == 0 ? '0' : '1');
    rest /= 2;
  }
  const auto first = static_cast<std::size_t>((b + 1) / 2);
  std::string word = dropped.substr(first);
  if (word.size() < first) word += '0';
  if (dropped.substr(0, first) > word) ++rest;  // equal lengths: the order of digits is the order of numbers
  return x < 0 ? -rest : rest;
}

}  // namespace bitloom::spec
