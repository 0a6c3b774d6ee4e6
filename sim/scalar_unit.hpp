#pragma once
#include "sim/engine.hpp"

namespace bitloom {

/// SCALAR, TABLE_LOAD and TABLE_STORE: scales (N2) and the table.
class ScalarUnit {
 public:
  explicit ScalarUnit(const Machine& machine) : machine_(machine) {}
  void count(const Execution& e, ActionCounts& counts) const;
  void compute(const Execution& e);

 private:
  void scalar(const Instruction& c);
  void move_table(const Execution& e);

  const Machine& machine_;
};

}  // namespace bitloom
