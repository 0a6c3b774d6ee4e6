#pragma once
#include <cstdint>

#include "testbench/model/numerics/spec_requantize.hpp"

namespace bitloom::spec {

// SGD with momentum on fixed-point state (N9): exact sums in units of 2^-16 of the state's unit, then one rounding.

/// sum / 2^16, rounded by the 16-bit word u as N3.4 says, or half up when u stands for no word.
struct Rounded16 {
  Wide value = 0;
  Wide words_up = 0;  ///< how many of the 2^16 words give one more than floor(sum / 2^16)
};

constexpr Rounded16 round16(Wide sum, std::uint32_t u) {
  const Chance c = chance({sum, 65536}, 16);
  return {Wide{u} < c.words_up ? c.below + 1 : c.below, c.words_up};
}

constexpr Wide momentum_sum(std::int64_t momentum, std::int64_t gradient, std::uint32_t mu16, std::uint32_t m, int s) {
  return Wide{momentum} * mu16 + fixed16(gradient, m, s);
}

constexpr Wide master_sum(std::int64_t master, std::int64_t momentum, std::uint32_t m, int s) {
  return Wide{master} * 65536 - fixed16(momentum, m, s);
}

}  // namespace bitloom::spec
