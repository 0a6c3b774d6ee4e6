#pragma once
#include <array>

#include "model/random.hpp"
#include "sim/engine.hpp"

namespace bitloom {

/// UPDATE: gradient, master and momentum to the new master and momentum (N9).
class UpdateUnit {
 public:
  explicit UpdateUnit(const Machine& machine) : machine_(machine) {}
  void count(const Execution& e, ActionCounts& counts) const;
  void compute(const Execution& e);

 private:
  void row(const Execution& e, std::uint32_t i, const Stream& momentum, const Stream& master);

  const Machine& machine_;
  struct Statistics {
    std::uint64_t maximum = 0, master = 0, momentum = 0;
  };
  std::array<Statistics, kGroupMax> of_command_;  ///< commands of one loop group take turns
  Statistics* statistics_ = nullptr;
};

}  // namespace bitloom
