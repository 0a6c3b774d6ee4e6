#pragma once
#include <cstdint>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

namespace bitloom {

/// Draws a uniform number below `bound` (> 0). Own rejection, because std::uniform_int_distribution differs between
/// libraries.
inline std::uint64_t uniform_below(std::mt19937_64& random, std::uint64_t bound) {
  const std::uint64_t excess = (0 - bound) % bound;  // 2^64 mod bound
  for (;;) {
    const std::uint64_t draw = random();
    if (draw >= excess) return draw % bound;
  }
}

/// Returns the order in which an epoch visits `count` samples: Fisher–Yates driven by mt19937_64 on (seed, epoch). The
/// same for every recipe and thread count. Batch b is elements [b · batch, (b + 1) · batch); an incomplete last batch
/// is dropped.
inline std::vector<std::uint32_t> epoch_order(std::uint32_t count, std::uint64_t seed, int epoch) {
  const auto low = static_cast<std::uint32_t>(seed);
  const auto high = static_cast<std::uint32_t>(seed >> 32);
  std::seed_seq sequence{low, high, static_cast<std::uint32_t>(epoch), std::uint32_t{0x6f726465}};
  std::mt19937_64 random(sequence);
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  for (std::uint32_t left = count; left > 1; --left) {
    std::swap(order[left - 1], order[uniform_below(random, left)]);
  }
  return order;
}

}  // namespace bitloom
