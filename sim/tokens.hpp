#pragma once
#include <array>
#include <cstdint>

#include "kernels/command_set.hpp"
#include "sim/execution.hpp"

namespace bitloom {

/// The token counters. Each token keeps the clock edge at which it came, so that a queue learns when its waits were
/// satisfied whenever it asks.
class TokenCounters {
 public:
  void reset();
  /// Adds a token to a counter, which is there from edge `edge` on. Returns false when that is more than kTokenMax.
  bool signal(std::uint32_t id, std::uint64_t edge);

  struct Waits {
    bool satisfied = true;
    std::uint64_t edge = 0;  ///< at which the last token that is needed came
    std::uint32_t id = 0;    ///< its counter; where not satisfied, the first one that lacks
  };
  /// Are all tokens there that `fields` name (two fields of one counter need two tokens)?
  Waits check(const std::array<TokenField, 3>& fields, const std::array<bool, 3>& applies) const;
  void take(const std::array<TokenField, 3>& fields, const std::array<bool, 3>& applies);

  bool all_zero() const;
  std::uint32_t count(std::uint32_t id) const { return counters_[id].count; }

 private:
  struct Counter {
    std::array<std::uint64_t, kTokenMax + 1> edges{};  ///< ring
    std::uint32_t first = 0, count = 0;
    std::uint64_t edge(std::uint32_t n) const { return edges[(first + n) & kTokenMax]; }
  };
  static_assert(kTokenMax == 255, "the ring's index is masked");
  std::array<Counter, kTokenCounters> counters_;
};

}  // namespace bitloom
