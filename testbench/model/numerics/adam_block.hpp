#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "model/numerics/adam.hpp"

namespace bitloom::testing {

/// A block of golden state, stepped with the element functions.
struct Block {
  std::vector<std::int32_t> m_codes, r_codes;
  AdamBlock state;
  AdamFactors factors;  ///< of the last step
  AdamCoder coder;      ///< of the last step

  explicit Block(std::size_t n) : m_codes(n, 0), r_codes(n, 0) {}

  std::vector<std::int64_t> step(const std::vector<std::int64_t>& gradient, std::uint32_t max, Scale unit,
                                 const AdamRates& rates, std::uint64_t& saturations) {
    const AdamFactors f = factors = adam_factors(state, rates, max, unit);
    std::vector<AdamMoments> moments;
    std::vector<std::int64_t> steps;
    std::int64_t m_max = 0, r_min = INT64_MAX, r_max = 0;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      moments.push_back(adam_moments(m_codes[i], r_codes[i], static_cast<std::int32_t>(gradient[i]), f, rates));
      steps.push_back(adam_step(moments.back(), f, saturations));
      m_max = std::max(m_max, std::abs(moments.back().m));
      r_min = std::min(r_min, moments.back().r);
      r_max = std::max(r_max, moments.back().r);
    }
    coder = adam_coder(m_max, r_min, r_max, f, rates);
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      m_codes[i] = adam_m_code(moments[i].m, coder, rates);
      r_codes[i] = adam_r_code(moments[i].r, coder, rates);
    }
    state = coder.block;
    return steps;
  }
};

}  // namespace bitloom::testing
