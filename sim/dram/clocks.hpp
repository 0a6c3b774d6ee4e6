#pragma once
#include <cstdint>
#include <numeric>

namespace bitloom::dram {

/// Translates between the edges of the machine's clock and the cycles of a memory's clock, of which edge 0 and cycle 0
/// fall together. Exact: the clocks' ratio is a fraction of whole numbers, and what falls between waits for the next.
class Clocks {
 public:
  /// `machine_khz`: the machine's clock; `memory_ps`: the time of a memory's cycle; both at least 1.
  Clocks(std::uint64_t machine_khz, std::uint64_t memory_ps) {
    const std::uint64_t edge = 1'000'000'000, cycle = machine_khz * memory_ps;  // times in ps, times machine_khz
    const std::uint64_t common = std::gcd(edge, cycle);
    edge_ = edge / common;
    cycle_ = cycle / common;
  }

  /// Returns the first cycle of the memory that begins at a machine's edge or behind it.
  std::uint64_t cycle_at(std::uint64_t edge) const { return divided(Wide{edge} * edge_, cycle_); }
  /// Returns the first edge of the machine at which a memory's cycle begins or has begun.
  std::uint64_t edge_at(std::uint64_t cycle) const { return divided(Wide{cycle} * cycle_, edge_); }
  /// Returns where between the machine's edges a cycle of the memory begins.
  double exact_edge(std::uint64_t cycle) const {
    return static_cast<double>(cycle) * static_cast<double>(cycle_) / static_cast<double>(edge_);
  }

 private:
  __extension__ using Wide = unsigned __int128;
  static std::uint64_t divided(Wide a, std::uint64_t b) { return static_cast<std::uint64_t>((a + b - 1) / b); }

  std::uint64_t edge_ = 1, cycle_ = 1;  ///< how long they are, in the same unit
};

}  // namespace bitloom::dram
