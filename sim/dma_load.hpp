#pragma once
#include <array>

#include "sim/engine.hpp"
#include "sim/read_channel.hpp"

namespace bitloom {

/// LOAD and LOAD_SHAPE: rows of elements from DRAM, gathered by a shape or not, to a scratchpad or VIN.
class DmaLoad {
 public:
  DmaLoad(const Machine& machine, ReadChannel& channel) : machine_(machine), channel_(channel) {}
  /// Lets an execution that overlaps() ask from an edge on, before plan().
  void ask(const Execution& e, std::uint64_t start, ActionCounts& counts);
  /// Plans the transfer, whose cycles start at an edge, and counts it; returns the edge from which the queue may go on:
  /// the end, or that of asked().
  std::uint64_t plan(const Execution& e, std::uint64_t start, ActionCounts& counts);
  /// Returns the edge from which on the last LOAD has asked for all; fetches that come before it may move it.
  std::uint64_t asked() const { return channel_.load_asked(); }

 private:
  void count(const Execution& e, const LoadBeats& beats, ActionCounts& counts) const;

  const Machine& machine_;
  ReadChannel& channel_;
  std::array<const Instruction*, kShapeSlots> shapes_{};
};

}  // namespace bitloom
