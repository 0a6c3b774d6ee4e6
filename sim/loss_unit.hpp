#pragma once
#include <array>
#include <vector>

#include "sim/engine.hpp"

namespace bitloom {

/// LOSS: softmax cross-entropy of rows of logits and its gradient (N7).
class LossUnit {
 public:
  explicit LossUnit(const Machine& machine) : machine_(machine) {}
  void count(const Execution& e, ActionCounts& counts) const;
  void compute(const Execution& e);

 private:
  const Machine& machine_;
  std::vector<std::int32_t> logits_, gradient_;
  struct Statistics {
    std::uint32_t loss = 0, correct = 0;
  };
  std::array<Statistics, kGroupMax> of_command_;  ///< commands of one loop group take turns
};

}  // namespace bitloom
