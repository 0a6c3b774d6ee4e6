#pragma once
#include "sim/loss_unit.hpp"
#include "sim/scalar_unit.hpp"
#include "sim/tile_unit.hpp"
#include "sim/update_unit.hpp"

namespace bitloom {

/// The vector queue's engine: one of four units runs each of its commands.
class VectorUnit {
 public:
  explicit VectorUnit(const Machine& machine)
      : machine_(machine), tile_(machine), update_(machine), loss_(machine), scalar_(machine) {}
  void count(const Execution& e, ActionCounts& counts) const;
  void compute(const Execution& e);
  std::uint64_t plan(const Execution& e, std::uint64_t start) const;

 private:
  const Machine& machine_;
  TileUnit tile_;
  UpdateUnit update_;
  LossUnit loss_;
  ScalarUnit scalar_;
};

}  // namespace bitloom
