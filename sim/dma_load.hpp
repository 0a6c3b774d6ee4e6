#pragma once
#include "sim/engine.hpp"
#include "sim/read_channel.hpp"

namespace bitloom {

/// LOAD: rows of whole beats from DRAM to a scratchpad or VIN.
class DmaLoad {
 public:
  DmaLoad(const Machine& machine, ReadChannel& channel) : machine_(machine), channel_(channel) {}
  void count(const Execution& e, ActionCounts& counts) const;
  void compute(const Execution& e);
  /// Plans the transfer; returns the end edge, which fetches that come later may move (current_end()).
  std::uint64_t plan(const Execution& e, std::uint64_t start);
  std::uint64_t current_end() const;

 private:
  std::uint32_t row_beats(const Execution& e) const;

  const Machine& machine_;
  ReadChannel& channel_;
};

}  // namespace bitloom
