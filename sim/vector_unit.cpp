#include "sim/vector_unit.hpp"

#include "sim/timing.hpp"

namespace bitloom {
namespace {

Opcode opcode_of(const Execution& e) { return static_cast<Opcode>(e.command->OPCODE); }

}  // namespace

void VectorUnit::count(const Execution& e, ActionCounts& counts) const {
  switch (opcode_of(e)) {
    case Opcode::TILE:
      return tile_.count(e, counts);
    case Opcode::UPDATE:
      return update_.count(e, counts);
    case Opcode::LOSS:
      return loss_.count(e, counts);
    default:
      return scalar_.count(e, counts);
  }
}

void VectorUnit::compute(const Execution& e) {
  switch (opcode_of(e)) {
    case Opcode::TILE:
      return tile_.compute(e);
    case Opcode::UPDATE:
      return update_.compute(e);
    case Opcode::LOSS:
      return loss_.compute(e);
    default:
      return scalar_.compute(e);
  }
}

std::uint64_t VectorUnit::plan(const Execution& e, std::uint64_t start) const {
  switch (opcode_of(e)) {
    case Opcode::TILE:
      return start + timing::tile(machine_.hardware, e);
    case Opcode::UPDATE:
      return start + timing::update(machine_.hardware, e);
    case Opcode::LOSS:
      return start + timing::loss(e);
    case Opcode::SCALAR:
      return start + timing::scalar(*e.command);
    default:
      return start + timing::move_table(e);
  }
}

}  // namespace bitloom
