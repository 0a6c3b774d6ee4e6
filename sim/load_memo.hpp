#pragma once
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "sim/load_plan.hpp"

namespace bitloom {

/// What a LOAD that starts at a channel at rest does to it. Edges and cycles count from its start.
struct LoadOutcome {
  std::uint64_t end = 0, beats = 0;
  std::uint64_t last_grant = 0, next_grant = 0, last_read = 0;
  std::vector<std::uint64_t> last_beats;  ///< of the last bursts, the oldest first
};

/// The outcomes of LOADs by signature: most LOADs of a program are like one before them.
class LoadMemo {
 public:
  /// Returns the outcome of a LOAD like this one, null where there was none.
  const LoadOutcome* find(const LoadSignature& signature) const {
    const auto found = outcomes_.find(signature);
    return found == outcomes_.end() ? nullptr : &found->second;
  }
  void keep(const LoadSignature& signature, LoadOutcome outcome) {
    if (outcomes_.size() < kMost) outcomes_.emplace(signature, std::move(outcome));
  }

 private:
  static constexpr std::size_t kMost = std::size_t{1} << 20;  // about 300 MB
  struct Hash {
    std::size_t operator()(const LoadSignature& signature) const {
      std::uint64_t hash = 0;
      for (const std::uint32_t word : signature) hash = (hash ^ word) * 0x9E3779B97F4A7C15ull, hash ^= hash >> 29;
      return hash;
    }
  };
  std::unordered_map<LoadSignature, LoadOutcome, Hash> outcomes_;
};

}  // namespace bitloom
