#pragma once
#include <vector>

#include "sim/engine.hpp"

namespace bitloom {

/// GEMM: R × C products of two scratchpads' bytes, summed over the bytes of a segment, added to ACC.
class MacArray {
 public:
  explicit MacArray(const Machine& machine) : machine_(machine) {}
  void count(const Execution& e, ActionCounts& counts) const;
  void compute(const Execution& e);
  std::uint64_t plan(const Execution& e, std::uint64_t start) const;

 private:
  const Machine& machine_;
  std::vector<std::int8_t> a_, b_;  ///< the segment's operands as int8, row by row
};

}  // namespace bitloom
