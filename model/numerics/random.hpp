#pragma once
#include <cstdint>

#include "model/numerics/threefry.hpp"

namespace bitloom {

/// What a tensor is (N4.5): the gradient of layer l is that of its output, the input of layer l its operand x (N14.5);
/// norm i is layer kNormLayer + i (N14.7).
enum class TensorKind : std::uint32_t { kWeight = 1, kGradient = 2, kBias = 3, kInput = 4, kGamma = 5, kBeta = 6 };
constexpr int kNormLayer = 512;
/// What the random words are for (N4.5); of gradients by groups: the views of the activation and of the weight gradient
/// (N21).
enum class RandomUse : std::uint32_t {
  kQuantize = 1,
  kMomentum = 2,
  kMaster = 3,
  kPruneDgrad = 4,
  kPruneWgrad = 5,
  kQuantizeWgrad = 6,
  kAccumulate = 7  ///< codes of the gradient buffer (N26)
};

/// Returns the tensor number of N4.5; layers count from 0.
constexpr std::uint32_t tensor_id(int layer, TensorKind kind) {
  return static_cast<std::uint32_t>(16 * (layer + 1)) + static_cast<std::uint32_t>(kind);
}

/// The random words of one tensor and one use in one step: a pure function of the element's canonical index (N4.3,
/// N4.4).
struct Stream {
  Words2x32 key{};

  /// Returns the 64 random bits number `block` of a row: the fields of elements block * 64/r … of N4.3.
  constexpr std::uint64_t block(std::uint32_t row, std::uint32_t block) const {
    const Words2x32 x = threefry2x32(key, {row, block}, kThreefryWordRounds);
    return (std::uint64_t{x[1]} << 32) | x[0];
  }

  /// Returns the r-bit word of element (row, col), r = 8 or 16 (any power of two up to 32).
  constexpr std::uint32_t draw(std::uint32_t row, std::uint32_t col, int r) const {
    const auto fields = static_cast<std::uint32_t>(64 / r);
    const std::uint32_t shift = (col % fields) * static_cast<std::uint32_t>(r);
    return static_cast<std::uint32_t>((block(row, col / fields) >> shift) & ((std::uint64_t{1} << r) - 1));
  }
};

/// Derives the key of a stream (N4.2), once per tensor, use and step. tensor < 2^16, sample < 2^8.
constexpr Stream make_stream(std::uint64_t seed, std::uint32_t step, std::uint32_t tensor, RandomUse use,
                             std::uint32_t sample = 0) {
  const Words2x32 seed_words{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
  const std::uint32_t address = (tensor << 16) | (static_cast<std::uint32_t>(use) << 8) | sample;
  return {threefry2x32(seed_words, {step, address}, kThreefryKeyRounds)};
}

}  // namespace bitloom
