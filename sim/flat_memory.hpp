#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/hardware.hpp"
#include "sim/dram/memory_port.hpp"
#include "sim/dram_timing.hpp"

namespace bitloom {

/// A memory that knows no addresses: DramTiming by whole bursts, without stalls in closed form, else beat by beat.
/// Copies are snapshots.
class FlatMemory {
 public:
  /// Makes a memory from a timing that is in its first state.
  FlatMemory(const DramTiming& timing)  // NOLINT: a timing is all there is to it
      : timing_(timing) {}
  FlatMemory(const Hardware& hardware, int stall_percent, std::uint64_t seed)
      : timing_(hardware.dram_read_latency, hardware.dram_write_latency, stall_percent, seed) {}

  /// Times a read burst whose address was accepted at `edge`; returns the edge of its last beat and appends all edges.
  std::uint64_t read(const ReadBurst& burst, std::uint64_t edge, std::vector<std::uint64_t>* edges) {
    if (!timing_.stalls()) {
      const std::uint64_t first = std::max(edge + timing_.read_latency(), read_last_ + 1);
      for (std::uint64_t beat = 0; edges != nullptr && beat < burst.beats; ++beat) edges->push_back(first + beat);
      return read_last_ = first + burst.beats - 1;
    }
    std::uint64_t last = 0;
    for (std::uint64_t beat = 0; beat < burst.beats; ++beat) {
      last = timing_.read_beat(edge);
      if (edges != nullptr) edges->push_back(last);
    }
    return last;
  }

  /// Says that bursts take the same cycles at any time, as long as none before them is under way.
  bool steady() const { return !timing_.stalls(); }
  /// Gives the edge of the last read beat, to be kept and put back where the memory is steady.
  std::uint64_t& last_read() { return read_last_; }

  /// Returns the edge that accepts the next write beat, which is offered to `edge` and all after it.
  std::uint64_t offer(std::uint64_t edge) { return timing_.write_beat(edge); }
  /// Takes the beat that was offered last, at the edge that accepts it; returns the edge of its burst's response, which
  /// counts where the beat is the last.
  std::uint64_t take(const WriteBeat&, std::uint64_t edge) const { return timing_.write_response(edge); }

 private:
  DramTiming timing_;
  std::uint64_t read_last_ = 0;
};

}  // namespace bitloom
