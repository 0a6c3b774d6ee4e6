#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/hardware.hpp"
#include "sim/memory.hpp"
#include "sim/timing.hpp"

namespace bitloom {

/// The read channel up to a cycle (docs/timing.md, Reads): one burst is granted a cycle, and at most max_outstanding
/// are granted and not finished. Copies are snapshots.
struct ReadArbiter {
  ReadArbiter(const Hardware& hardware, const Memory& memory)
      : timing(memory), last_beats(static_cast<std::size_t>(hardware.max_outstanding)) {}

  /// Returns the first cycle from `ready` on with room for one more burst.
  std::uint64_t grant(std::uint64_t ready) const { return std::max({ready, next_grant, last_beats[oldest]}); }
  /// Returns the edge at which the address of a burst is accepted that is granted in a cycle.
  static std::uint64_t address_edge(std::uint64_t cycle) { return cycle + timing::kGrantToAddress; }
  /// Grants a burst in a cycle; returns the edge of its last beat and appends all edges.
  std::uint64_t burst(std::uint64_t cycle, const ReadBurst& burst, std::vector<std::uint64_t>* edges) {
    next_grant = cycle + 1;
    const std::uint64_t last = timing.read(burst, address_edge(cycle), edges);
    last_beats[oldest] = last;  // there is room again from the cycle of this edge on
    oldest = oldest + 1 == last_beats.size() ? 0 : oldest + 1;
    return last;
  }

  Memory timing;
  std::uint64_t next_grant = 0;           ///< first cycle in which nothing is granted yet
  std::vector<std::uint64_t> last_beats;  ///< ring over the last max_outstanding bursts
  std::size_t oldest = 0;
};

}  // namespace bitloom
