#pragma once
#include <cstdint>
#include <vector>

#include "testbench/model/numerics/spec_real.hpp"
#include "testbench/model/numerics/spec_requantize.hpp"

namespace bitloom::spec {

// Adam in blocks (N25), a block at a time, in exact fractions.

struct AdamState {
  std::vector<std::int64_t> m_codes, r_codes;
  Word m_step = 0, r_lo = 0, r_step = 0;
};

struct AdamConstants {
  std::int64_t beta1 = 0, beta2 = 0;  ///< of 65536
  Word epsilon = 0;
  int bits = 8;
};

/// What a block's step gives: the quotients q of N25.4 and how many of them were limited.
struct AdamResult {
  std::vector<std::int64_t> steps;
  std::int64_t limited = 0;
};

/// Computes I(x, a) of N25.2 as a fraction of exact integers.
constexpr std::int64_t block_integer(std::int64_t x, Word a) {
  const Parts p = parts(a);
  const Wide limit = power_of_two(31) - 1;
  if (p.m == 0 || p.s > 63) return 0;
  if (p.s < -40) return static_cast<std::int64_t>(clamp(Wide{x} * p.sign * power_of_two(40), limit));
  const Fraction exact = p.s >= 0 ? Fraction{Wide{x} * p.signed_m(), power_of_two(p.s)}
                                  : Fraction{Wide{x} * p.signed_m() * power_of_two(-p.s), 1};
  return static_cast<std::int64_t>(clamp(round_half_up(exact), limit));
}

/// m' and r' (N25.3) of integers of a block.
struct AdamMoment {
  std::int64_t m = 0, r = 0;
};
constexpr AdamMoment new_moment(std::int64_t m, std::int64_t r, std::int64_t g, const AdamConstants& c) {
  const auto squared = [](std::int64_t x) {
    const Wide coarse = round_half_up({x, 256});
    return coarse * coarse;
  };
  const Wide sum = c.beta2 * squared(r) + (65536 - c.beta2) * squared(g);
  return {static_cast<std::int64_t>(round_half_up({Wide{c.beta1} * m + Wide{65536 - c.beta1} * g, 65536})),
          static_cast<std::int64_t>(clamp(root(sum), power_of_two(31) - 1))};
}

/// Computes q of N25.4 before its limit.
constexpr Wide adam_quotient(const AdamMoment& moment, std::int64_t epsilon) {
  const Wide magnitude = moment.m < 0 ? -Wide{moment.m} : Wide{moment.m};
  const Wide q = round_half_up({magnitude * 65536, Wide{moment.r} + epsilon});
  return moment.m < 0 ? -q : q;
}

/// Makes the codes of N25.6.
constexpr std::int64_t m_code(std::int64_t m, Word ratio, int bits) {
  return static_cast<std::int64_t>(clamp(block_integer(m, ratio), power_of_two(bits - 1) - 1));
}
constexpr std::int64_t r_code(std::int64_t above, Word ratio, int bits) {
  const Wide code = clamp(block_integer(above, ratio), power_of_two(bits) - 1);
  return above != 0 && code < 1 ? 1 : static_cast<std::int64_t>(above == 0 ? 0 : code);
}

inline AdamResult adam_block(AdamState& state, const std::vector<std::int64_t>& gradient, std::int64_t max_gradient,
                             Word unit, const AdamConstants& c) {
  const Wide limit = power_of_two(31) - 1;
  const Word qm = integer(power_of_two(c.bits - 1) - 1), qr = integer(power_of_two(c.bits) - 1);
  Word bound = times(state.m_step, qm);
  const Word r_bound = plus(state.r_lo, times(state.r_step, qr));
  const Word g_bound = times(integer(max_gradient), unit);
  if (less(bound, r_bound)) bound = r_bound;
  if (less(bound, g_bound)) bound = g_bound;
  if (less(bound, power(-64))) bound = power(-64);
  if (less(integer(65535), bound)) bound = integer(65535);
  const int f = parts(bound).s + 14;
  const Word km = times(state.m_step, power(f)), kr = times(state.r_step, power(f)), kg = times(unit, power(f));
  const auto limited_integer = [f](Word a) {  // to 2^30
    const Word scaled = times(a, power(f));
    return less(power(30), scaled) ? std::int64_t{1} << 30 : to_integer(scaled, 0).value;
  };
  const std::int64_t r_lo = limited_integer(state.r_lo);
  std::int64_t epsilon = limited_integer(c.epsilon);
  if (epsilon < 1) epsilon = 1;

  AdamResult result;
  std::vector<std::int64_t> m_new, r_new;
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const std::int64_t g = block_integer(gradient[i], kg);
    const std::int64_t m = block_integer(state.m_codes[i], km);
    const std::int64_t r = static_cast<std::int64_t>(clamp(Wide{r_lo} + block_integer(state.r_codes[i], kr), limit));
    const AdamMoment moment = new_moment(m, r, g, c);
    m_new.push_back(moment.m);
    r_new.push_back(moment.r);
    const Wide q = adam_quotient(moment, epsilon);
    const Wide limited = clamp(q, power_of_two(20) - 1);
    result.limited += q == limited ? 0 : 1;
    result.steps.push_back(static_cast<std::int64_t>(limited));
  }

  std::int64_t m_max = 0, r_min = r_new[0], r_max = r_new[0];
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    m_max = std::max(m_max, m_new[i] < 0 ? -m_new[i] : m_new[i]);
    r_min = std::min(r_min, r_new[i]);
    r_max = std::max(r_max, r_new[i]);
  }
  state.m_step = over(times(integer(m_max), power(-f)), qm);
  state.r_lo = times(integer(r_min), power(-f));
  state.r_step = over(times(integer(r_max - r_min), power(-f)), qr);
  const Word m_ratio = over(qm, integer(m_max)), r_ratio = over(qr, integer(r_max - r_min));
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    state.m_codes[i] = m_code(m_new[i], m_ratio, c.bits);
    state.r_codes[i] = r_code(r_new[i] - r_min, r_ratio, c.bits);
  }
  return result;
}

}  // namespace bitloom::spec
