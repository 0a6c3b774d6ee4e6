#pragma once
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "sim/load_plan.hpp"

namespace bitloom {

/// What is left of LOADs and fetches at an edge, as plain numbers: three cycles, two lengths, then the cycles of
/// LoadRest and those by which bursts are over. All count from the edge; what was before it is 0 or not in the lists.
using RestNumbers = std::vector<std::uint32_t>;
enum RestPlace : std::size_t { kRestNextStep, kRestNextGrant, kRestLastRead, kRestConsumed, kRestLeft, kRestLists };

/// What a LOAD starts from: what was left at an edge, by its number, and how many cycles before its start that was; and
/// how many cycles after its start it may fill, 0 where that holds up nothing.
struct LoadOrigin {
  std::uint32_t rest = 0, fills = 0;
  std::uint64_t since = 0;
  bool operator==(const LoadOrigin&) const = default;
};

/// What a LOAD does. Edges and cycles count from its start.
struct LoadOutcome {
  std::uint64_t asked = 0, end = 0, last_grant = 0;
  LoadBeats beats;
  LineChange lines;        ///< counted from base_beat()
  std::uint32_t rest = 0;  ///< what is left after its last grant
};

/// The outcomes of LOADs by signature and origin: most LOADs of a program are like one before them.
class LoadMemo {
 public:
  static constexpr std::uint32_t kNothing = 0;  ///< number of a channel at rest
  LoadMemo() { number(RestNumbers(kRestLists)); }

  /// Returns the outcome of a LOAD like this one, null where there was none.
  const LoadOutcome* find(const LoadSignature& signature, const LoadOrigin& origin) const {
    const auto found = outcomes_.find({signature, origin});
    return found == outcomes_.end() ? nullptr : &found->second;
  }
  void keep(const LoadSignature& signature, const LoadOrigin& origin, const LoadOutcome& outcome) {
    if (outcomes_.size() < kMostOutcomes) outcomes_.emplace(Key{signature, origin}, outcome);
  }

  /// Returns the number of what is left; nothing where there are too many. The same numbers have the same number.
  std::optional<std::uint32_t> number(RestNumbers rest) {
    const auto found = numbers_.find(rest);
    if (found != numbers_.end()) return found->second;
    if (rests_.size() == kMostRests) return std::nullopt;
    const auto number = static_cast<std::uint32_t>(rests_.size());
    rests_.push_back(&numbers_.emplace(std::move(rest), number).first->first);
    return number;
  }
  const RestNumbers& rest(std::uint32_t number) const { return *rests_[number]; }

 private:
  static constexpr std::size_t kMostOutcomes = std::size_t{1} << 20;  // about 150 MB
  static constexpr std::size_t kMostRests = std::size_t{1} << 18;     // about 100 MB
  struct Key {
    LoadSignature signature;
    LoadOrigin origin;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    static std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
      hash = (hash ^ word) * 0x9E3779B97F4A7C15ull;
      return hash ^ hash >> 29;
    }
    std::size_t operator()(const Key& key) const {
      std::uint64_t hash = mixed(std::uint64_t{key.origin.rest} << 32 | key.origin.fills, key.origin.since);
      for (const std::uint32_t word : key.signature) hash = mixed(hash, word);
      return hash;
    }
    std::size_t operator()(const RestNumbers& rest) const {
      std::uint64_t hash = 0;
      for (const std::uint32_t word : rest) hash = mixed(hash, word);
      return hash;
    }
  };
  std::unordered_map<Key, LoadOutcome, Hash> outcomes_;
  std::unordered_map<RestNumbers, std::uint32_t, Hash> numbers_;
  std::vector<const RestNumbers*> rests_;  ///< by number
};

}  // namespace bitloom
