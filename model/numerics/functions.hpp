#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "model/numerics/numbers.hpp"

namespace bitloom {

// Functions with 16 fraction bits (N8) and the loss built from them (N7). The bounds on their errors are in
// docs/numerics.md and are measured over the whole input space by testbench/model/numerics.

/// T[i] = round(2^18 * 2^(-i/64)) of N8.1.
constexpr std::array<std::uint32_t, 65> kExp2Table{
    262144, 259320, 256527, 253763, 251030, 248326, 245651, 243005, 240387, 237798, 235236, 232702, 230195,
    227716, 225263, 222836, 220436, 218061, 215712, 213389, 211090, 208816, 206567, 204342, 202141, 199963,
    197809, 195678, 193571, 191485, 189423, 187382, 185364, 183367, 181392, 179438, 177505, 175593, 173701,
    171830, 169979, 168148, 166337, 164545, 162773, 161019, 159285, 157569, 155872, 154193, 152532, 150889,
    149263, 147655, 146065, 144491, 142935, 141395, 139872, 138366, 136875, 135401, 133942, 132499, 131072,
};

/// U[i] = round(2^16 * log2(1 + i/64)) of N8.2.
constexpr std::array<std::uint32_t, 65> kLog2Table{
    0,     1466,  2909,  4331,  5732,  7112,  8473,  9814,  11136, 12440, 13727, 14996, 16248,
    17484, 18704, 19909, 21098, 22272, 23433, 24579, 25711, 26830, 27936, 29029, 30109, 31178,
    32234, 33279, 34312, 35334, 36346, 37346, 38336, 39316, 40286, 41246, 42196, 43137, 44068,
    44990, 45904, 46809, 47705, 48593, 49472, 50344, 51207, 52063, 52911, 53751, 54584, 55410,
    56229, 57040, 57845, 58643, 59434, 60219, 60997, 61769, 62534, 63294, 64047, 64794, 65536,
};

constexpr std::uint32_t kExp2MaxInput = (std::uint32_t{1} << 21) - 1;  ///< largest t of N7.1

/// Returns 2^-(t / 2^16) with 16 fraction bits, 0 … 65536 (N8.1). t <= kExp2MaxInput.
constexpr std::uint32_t exp2neg(std::uint32_t t) {
  const std::uint32_t n = t >> 16;
  if (n >= 19) return 0;
  const std::uint32_t i = (t & 65535u) >> 10;
  const std::uint32_t g = t & 1023u;
  const std::uint32_t y = kExp2Table[i] - (((kExp2Table[i] - kExp2Table[i + 1]) * g + 512u) >> 10);
  return (y + (std::uint32_t{2} << n)) >> (n + 2);
}

/// Returns log2(sum) with 16 fraction bits (N8.2). sum >= 1.
constexpr std::uint32_t log2fix(std::uint32_t sum) {
  const auto n = static_cast<std::uint32_t>(std::bit_width(sum)) - 1u;
  const std::uint32_t x = sum << (31 - n);
  const std::uint32_t i = (x >> 25) & 63u;
  const std::uint32_t g = (x >> 9) & 65535u;
  return n * 65536u + kLog2Table[i] + (((kLog2Table[i + 1] - kLog2Table[i]) * g + 32768u) >> 16);
}

/// Returns 2^47 / sum rounded half up, at most 2^31 (N8.3). sum >= 2^16.
constexpr std::uint32_t recip(std::uint32_t sum) {
  return static_cast<std::uint32_t>(((std::uint64_t{1} << 47) + sum / 2) / sum);
}

/// Returns t of N7.1: how far a logit lies below the largest, in powers of two with 16 fraction bits. distance in [0,
/// 2^32).
constexpr std::uint32_t exponent_of_distance(std::int64_t distance, Scale c) {
  return static_cast<std::uint32_t>(std::min<std::int64_t>(fixed16(distance, c), kExp2MaxInput));
}

/// Returns p of N7.3 with 16 fraction bits.
constexpr std::uint32_t probability(std::uint32_t e, std::uint32_t reciprocal) {
  return static_cast<std::uint32_t>((std::uint64_t{e} * reciprocal + (std::uint64_t{1} << 30)) >> 31);
}

/// Returns c of N7.1: the scale that turns logits in units of `unit` into exponents of two.
constexpr Scale logit_exponent_scale(Scale unit, std::uint64_t& saturations) { return mul(unit, kLog2E, saturations); }

/// Returns the unit of the loss gradient of a batch of `samples` (N7.3).
constexpr Scale loss_gradient_unit(std::uint32_t samples, std::uint64_t& saturations) {
  return div(kTwoToMinus16, from_integer(samples), saturations);
}

/// What one sample adds to the results of a step.
struct SampleLoss {
  std::uint32_t loss = 0;  ///< in bits with 16 fraction bits (N7.4)
  bool correct = false;    ///< the first largest logit is the label's
};

/// Computes the softmax cross-entropy of one sample (N7): `logits` is the raw view, `c` comes from
/// logit_exponent_scale, and `gradient` (same length, may not overlap) receives the raw gradient. 0 <= label <
/// logits.size() < 2^16.
SampleLoss softmax_cross_entropy(std::span<const std::int32_t> logits, std::size_t label, Scale c,
                                 std::span<std::int32_t> gradient);

/// Returns the sum over the samples of a step, limited to 2^32 - 1 (N7.4).
constexpr std::uint32_t add_loss(std::uint32_t sum, std::uint32_t sample) {
  return static_cast<std::uint32_t>(std::min(std::uint64_t{sum} + sample, std::uint64_t{0xffffffffu}));
}

}  // namespace bitloom
