#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "kernels/hardware.hpp"
#include "sim/dram_timing.hpp"

namespace bitloom {

/// Edges at which a burst's first and last beats are transferred.
struct BeatSpan {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

/// DramTiming by whole bursts: without stalls in closed form, else beat by beat. Copies are snapshots.
class BurstTiming {
 public:
  BurstTiming(const Hardware& hardware, int stall_percent, std::uint64_t seed)
      : beats_(hardware.dram_read_latency, hardware.dram_write_latency, stall_percent, seed),
        read_latency_(static_cast<std::uint64_t>(hardware.dram_read_latency)),
        write_latency_(static_cast<std::uint64_t>(hardware.dram_write_latency)) {}

  /// Times a read burst of `beats` >= 1 whose address was accepted at `address_edge`; returns the edge of its last beat
  /// and appends all edges.
  std::uint64_t read(std::uint64_t address_edge, std::uint64_t beats, std::vector<std::uint64_t>* edges) {
    if (!beats_.stalls()) {
      const std::uint64_t first = std::max(address_edge + read_latency_, read_last_ + 1);
      for (std::uint64_t beat = 0; edges != nullptr && beat < beats; ++beat) edges->push_back(first + beat);
      return read_last_ = first + beats - 1;
    }
    std::uint64_t edge = 0;
    for (std::uint64_t beat = 0; beat < beats; ++beat) {
      edge = beats_.read_beat(address_edge);
      if (edges != nullptr) edges->push_back(edge);
    }
    return edge;
  }

  /// Times a write burst whose beat k is offered to edge offer_edge + k and all after it, but not before the beat ahead
  /// of it was accepted.
  BeatSpan write(std::uint64_t offer_edge, std::uint64_t beats) {
    BeatSpan span;
    if (!beats_.stalls()) {
      span.first = std::max(offer_edge, write_last_ + 1);
      span.last = write_last_ = span.first + beats - 1;
      return span;
    }
    span.first = span.last = beats_.write_beat(offer_edge);
    for (std::uint64_t beat = 1; beat < beats; ++beat) span.last = beats_.write_beat(offer_edge + beat);
    return span;
  }

  /// Returns the edge of the response to a write burst.
  std::uint64_t response(const BeatSpan& span) const { return span.last + write_latency_; }

 private:
  DramTiming beats_;
  std::uint64_t read_latency_, write_latency_;
  std::uint64_t read_last_ = 0, write_last_ = 0;
};

}  // namespace bitloom
