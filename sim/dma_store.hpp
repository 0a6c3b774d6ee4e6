#pragma once
#include <array>
#include <deque>

#include "sim/engine.hpp"
#include "sim/memory.hpp"
#include "sim/store_beats.hpp"

namespace bitloom {

/// STORE and STORE_SHAPE: rows of elements from VOUT, packed, to any byte addresses of DRAM. A STORE lets the next one
/// start when it has read VOUT; it ends with its last response.
class DmaStore {
 public:
  DmaStore(const Machine& machine, Memory& memory) : machine_(machine), memory_(memory), beats_(machine.hardware) {}
  /// Starts the transfer and counts it; returns the edge from which the queue may go on: the end, or that of read().
  std::uint64_t plan(const Execution& e, std::uint64_t start, ActionCounts& counts);
  /// Lets the memory take the beats that it accepts before an edge.
  void store_until(std::uint64_t edge);
  /// Returns the edge from which on the last STORE has read VOUT; where that waits for beats, a cycle for which
  /// store_until() will know more.
  std::uint64_t read() const { return beats_.read().value_or(edge_); }
  /// Returns likewise the edge at which the oldest STORE ends that retire() was not told of.
  std::uint64_t end() const { return ends_.empty() ? edge_ : ends_.front(); }
  void retire() { ends_.pop_front(); }

 private:
  void next_beat();

  const Machine& machine_;
  Memory& memory_;
  StoreBeats beats_;
  bool made_ = false;               ///< a beat of beats_ is, and not accepted
  bool offered_ = false;            ///< the memory has said when it accepts it
  std::uint64_t edge_ = 0;          ///< to which it is offered first, or which accepts it, or accepted the last one
  std::deque<std::uint64_t> ends_;  ///< of STOREs whose beats are all accepted
  std::array<const Instruction*, kShapeSlots> shapes_{};
};

}  // namespace bitloom
