#pragma once
#include <array>

#include "sim/engine.hpp"
#include "sim/read_channel.hpp"

namespace bitloom {

/// LOAD and LOAD_SHAPE: rows of elements from DRAM, gathered by a shape or not, to a scratchpad or VIN.
class DmaLoad {
 public:
  DmaLoad(const Machine& machine, ReadChannel& channel) : machine_(machine), channel_(channel) {}
  /// Plans the transfer and counts it; returns the end edge, which fetches that come later may move (current_end()).
  std::uint64_t plan(const Execution& e, std::uint64_t start, ActionCounts& counts);
  std::uint64_t current_end() const { return channel_.load_end(); }

 private:
  void count(const Execution& e, std::uint64_t beats, ActionCounts& counts) const;

  const Machine& machine_;
  ReadChannel& channel_;
  std::array<const Instruction*, kShapeSlots> shapes_{};
};

}  // namespace bitloom
