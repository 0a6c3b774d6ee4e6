#pragma once
#include "sim/dram_channels.hpp"
#include "sim/engine.hpp"

namespace bitloom {

/// STORE: rows of bytes from VOUT to any byte address of DRAM, done with the last response.
class DmaStore {
 public:
  DmaStore(const Machine& machine, const BurstTiming& timing) : machine_(machine), timing_(timing) {}
  void count(const Execution& e, ActionCounts& counts) const;
  void compute(const Execution& e);
  std::uint64_t plan(const Execution& e, std::uint64_t start);

 private:
  std::uint64_t beats(const Execution& e) const;

  const Machine& machine_;
  BurstTiming timing_;
};

}  // namespace bitloom
