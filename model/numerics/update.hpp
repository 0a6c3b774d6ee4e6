#pragma once
#include <cstdint>

#include "model/numerics/numbers.hpp"

namespace bitloom {

// SGD with momentum on fixed-point state (N9). u is a 16-bit random word; with the recipe's update rounding "half_up"
// it is kHalfUpWord16.

constexpr std::uint32_t kHalfUpWord16 = 32767;

/// Returns the new momentum (N9.1): momentum * mu16 / 2^16 + gradient * ratio_g in one stochastic rounding, clamped to
/// ±limit, that of int16 or int8. |momentum| <= limit; gradient is the raw view; mu16 <= 2^16; ratio_g = unit of the
/// gradient / unit of the momentum.
constexpr std::int32_t update_momentum(std::int32_t momentum, std::int32_t gradient, std::uint32_t mu16, Scale ratio_g,
                                       std::uint32_t u, std::uint64_t& saturations,
                                       std::int64_t limit = kMomentumLimit) {
  const std::int64_t a = std::int64_t{momentum} * std::int64_t{mu16} + fixed16(gradient, ratio_g);
  return static_cast<std::int32_t>(saturate((a + 65535 - std::int64_t{u}) >> 16, limit, saturations));
}

/// Returns the new master weight or bias (N9.2): master - momentum * ratio_w in one stochastic rounding, clamped to
/// +-limit (that of a master of 12 to 24 bits, or kBiasLimit). ratio_w = learning rate * unit of the momentum / unit of
/// the master.
constexpr std::int32_t update_master(std::int32_t master, std::int32_t momentum, Scale ratio_w, std::int64_t limit,
                                     std::uint32_t u, std::uint64_t& saturations) {
  const std::int64_t b = std::int64_t{master} * 65536 - fixed16(momentum, ratio_w);
  return static_cast<std::int32_t>(saturate((b + 65535 - std::int64_t{u}) >> 16, limit, saturations));
}

}  // namespace bitloom
