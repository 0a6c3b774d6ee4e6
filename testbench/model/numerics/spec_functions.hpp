#pragma once
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "testbench/model/numerics/spec_requantize.hpp"
#include "testbench/model/numerics/spec_scale.hpp"

namespace bitloom::spec {

// N8 and N7 from their statements: the table entries from long double, the interpolation as exact fractions.

/// Returns round(real); `margin` is lowered to the distance of `real` from the nearest tie, to prove that long double
/// decides it.
inline std::int64_t rounded(long double real, long double& margin) {
  const long double below = std::floor(real);
  margin = std::min(margin, std::fabs(real - below - 0.5L));
  return static_cast<std::int64_t>(std::floor(real + 0.5L));
}

struct Tables {
  std::array<std::int64_t, 65> exp2{};
  std::array<std::int64_t, 65> log2{};
  long double margin = 1.0L;
};

inline const Tables& tables() {
  static const Tables made = [] {
    Tables t;
    for (std::size_t i = 0; i <= 64; ++i) {
      const auto fraction = static_cast<long double>(i) / 64.0L;
      t.exp2[i] = rounded(262144.0L * std::exp2(-fraction), t.margin);
      t.log2[i] = rounded(65536.0L * std::log2(1.0L + fraction), t.margin);
    }
    return t;
  }();
  return made;
}

/// Returns 2^-(t / 2^16) in units of 2^-16 (N8.1).
inline std::int64_t exp2neg(std::int64_t t) {
  const std::int64_t whole = t / 65536;
  const std::int64_t fraction = t % 65536;
  if (whole >= 19) return 0;
  const auto i = static_cast<std::size_t>(fraction * 64 / 65536);
  const std::int64_t within = fraction % 1024;  // of 1024, between entries i and i + 1
  const std::int64_t left = tables().exp2[i];
  const auto fall = static_cast<std::int64_t>(round_half_up({Wide{left - tables().exp2[i + 1]} * within, 1024}));
  return static_cast<std::int64_t>(round_half_up({left - fall, power_of_two(static_cast<int>(whole)) * 4}));
}

/// Returns log2(sum) in units of 2^-16, where 2^n <= sum < 2^(n+1) (N8.2). The fraction of the mantissa is cut to 22
/// bits.
inline std::int64_t log2fix(std::int64_t sum, int n) {
  const std::int64_t power = std::int64_t{1} << n;
  const std::int64_t fraction22 = (sum - power) * (1 << 22) / power;
  const auto i = static_cast<std::size_t>(fraction22 / 65536);
  const std::int64_t rise = (tables().log2[i + 1] - tables().log2[i]) * (fraction22 % 65536);
  return n * 65536 + tables().log2[i] + (2 * rise + 65536) / 131072;
}

inline std::int64_t log2fix(std::int64_t sum) {
  int n = 0;
  while ((std::int64_t{2} << n) <= sum) ++n;
  return log2fix(sum, n);
}

/// Returns 2^47 / sum rounded half up (N8.3).
inline std::int64_t recip(std::int64_t sum) {
  return static_cast<std::int64_t>(round_half_up({power_of_two(47), sum}));
}

struct RowLoss {
  std::int64_t loss = 0;
  bool correct = false;
  std::vector<std::int64_t> gradient;
};

/// Computes the softmax cross-entropy of one row of logits in units of the scale `unit` (N7).
inline RowLoss softmax_cross_entropy(const std::vector<std::int64_t>& logits, std::size_t label, AnyScale unit) {
  const AnyScale c = nearest(product(unit, {47274, 15}));
  std::size_t best = 0;
  for (std::size_t j = 1; j < logits.size(); ++j) {
    if (logits[j] > logits[best]) best = j;
  }
  std::vector<std::int64_t> t;
  std::int64_t sum = 0;
  for (const std::int64_t z : logits) {
    const Wide exponent = fixed16(logits[best] - z, c.m, c.s);
    t.push_back(exponent >= (1 << 21) ? (1 << 21) - 1 : static_cast<std::int64_t>(exponent));
    sum += exp2neg(t.back());
  }
  RowLoss row{log2fix(sum) - 16 * 65536 + t[label], best == label, {}};
  for (std::size_t j = 0; j < logits.size(); ++j) {
    const Wide p = round_half_up({Wide{exp2neg(t[j])} * recip(sum), power_of_two(31)});
    row.gradient.push_back(static_cast<std::int64_t>(p) - (j == label ? 65536 : 0));
  }
  return row;
}

}  // namespace bitloom::spec
