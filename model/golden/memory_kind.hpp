#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>

#include "model/golden/handle.hpp"

namespace bitloom {

/// The one list of the kinds by which reports cut memory and its traffic: X(enumerator, word). docs/counters.md says
/// what belongs to each.
#define BITLOOM_MEMORY_KINDS(X)         \
  X(kWeights, "weights")                \
  X(kLatentWeights, "latent_weights")   \
  X(kOptimizerState, "optimizer_state") \
  X(kActivations, "activations")        \
  X(kGradients, "gradients")            \
  X(kOther, "other")

#define BITLOOM_ENUMERATOR(kind, word) kind,
enum class MemoryKind : std::size_t { BITLOOM_MEMORY_KINDS(BITLOOM_ENUMERATOR) };
#undef BITLOOM_ENUMERATOR

inline constexpr std::array kMemoryKindWords{
#define BITLOOM_WORD(kind, word) word,
    BITLOOM_MEMORY_KINDS(BITLOOM_WORD)
#undef BITLOOM_WORD
};
inline constexpr std::size_t kMemoryKinds = kMemoryKindWords.size();

/// Returns the kind of a tensor of golden's record or of its state.
MemoryKind kind_of(StepTensor tensor);

/// Bytes by kind.
struct KindBytes {
  std::array<std::uint64_t, kMemoryKinds> bytes{};

  std::uint64_t& operator[](MemoryKind kind) { return bytes[static_cast<std::size_t>(kind)]; }
  std::uint64_t operator[](MemoryKind kind) const { return bytes[static_cast<std::size_t>(kind)]; }
  std::uint64_t total() const { return std::accumulate(bytes.begin(), bytes.end(), std::uint64_t{0}); }
  KindBytes& operator+=(const KindBytes& other) {
    for (std::size_t i = 0; i < kMemoryKinds; ++i) bytes[i] += other.bytes[i];
    return *this;
  }
  /// Returns the bytes of `times` such.
  KindBytes times(std::uint64_t times) const {
    KindBytes result = *this;
    for (std::uint64_t& each : result.bytes) each *= times;
    return result;
  }
  bool operator==(const KindBytes&) const = default;
};

}  // namespace bitloom
