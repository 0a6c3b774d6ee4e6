// Cycles of the vector queue's commands: docs/timing_vector.md, line by line.
#include <algorithm>

#include "kernels/command.hpp"
#include "sim/packed_mask.hpp"
#include "sim/timing.hpp"

namespace bitloom::timing {
namespace {

std::uint64_t statistics(const Execution& e, const Operands& of) {
  return e.last && e.command->STAT != 0 ? static_cast<std::uint64_t>(of.statistics) : 0;
}

/// Returns S: the cycles of all groups of a stream, of which some read the coefficient vectors too.
std::uint64_t stream(const TileShape& shape, const GroupWords& group) {
  return shape.coefficient_words * std::max<std::uint64_t>({1, group.in + group.vectors, group.out}) +
         (shape.words - shape.coefficient_words) * std::max<std::uint64_t>({1, group.in, group.out});
}

/// Returns S of a stream with a packed mask.
std::uint64_t packed_stream(const Execution& e, const TileShape& shape, const GroupWords& group) {
  const auto longest = [&](std::uint64_t reads) { return std::max<std::uint64_t>({1, reads, group.out}); };
  std::uint64_t cycles = 0;
  for (std::uint64_t column = 0; column < shape.row_words; ++column) {
    const MaskColumn mask(e, shape, column);
    const std::uint64_t vectors = column < shape.coefficient_words ? group.vectors : 0;
    cycles += longest(group.in - (mask.first ? 0 : 1) + vectors);
    cycles += mask.others * longest(group.in) + (e.rows - 1 - mask.others) * longest(group.in - 1);
  }
  return cycles;
}

std::uint64_t stream(const Execution& e, const TileShape& shape, const GroupWords& group, const Operands& of) {
  return has_packed_mask(e, of) ? packed_stream(e, shape, group) : stream(shape, group);
}

std::uint64_t tile(const Hardware& h, const Execution& e, const Operands& of) {
  const GroupWords group(e, of);
  return 6 + group.out + stream(e, TileShape(h, e), group, of) + (of.draws.keys > 0 ? 10 + (e.first ? 21 : 0) : 0) +
         statistics(e, of);
}

std::uint64_t affine_or_pool(const Hardware& h, const Execution& e, const Operands& of) {
  const GroupWords group(e, of);
  return 5 + group.out + stream(e, TileShape(h, e), group, of) + statistics(e, of);
}

std::uint64_t reduce(const Hardware& h, const Execution& e, const Operands& of) {
  const Instruction& c = *e.command;
  GroupWords group(e, of);
  group.out = 0;  // its lines follow the last group
  const TileShape shape(h, e);
  const std::uint64_t lines = static_cast<ReduceKind>(c.REDUCE_KIND) == ReduceKind::RANGE ? 3 : 4;
  return 5 + stream(shape, group) + (ends(e) ? lines * (c.AXIS_ALL != 0 ? 1 : shape.row_words) : 0);
}

std::uint64_t update(const Hardware& h, const Execution& e, const Operands& of) {
  const GroupWords group(e, of);
  const std::uint64_t cycles = 9 + group.out + std::max<std::uint64_t>(3, group.in) * TileShape(h, e).words;
  return cycles + statistics(e, of) + (of.draws.keys > 0 ? 7 + (e.first ? 42 : 0) : 0);
}

/// A lane makes a bit of a root (moments) or of a quotient (codes) a cycle.
std::uint64_t adam(const Hardware& h, const Execution& e, const Operands& of) {
  const GroupWords group(e, of);
  const std::uint64_t steps = has_flag(*e.command, Flag::CODES_OUT) ? 51 : 39;
  const TileShape shape(h, e);
  const std::uint64_t cycles =
      1 + (group.in + 1 + steps + group.out) * shape.words + group.vectors * shape.coefficient_words;
  return cycles + (of.draws.keys > 0 && e.first ? 21 : 0) + statistics(e, of);
}

std::uint64_t loss(const Execution& e, const Operands& of) {
  return 1 + std::uint64_t{e.rows} * (3 * std::uint64_t{e.cols} + 42) + statistics(e, of);
}

std::uint64_t scalar(const Instruction& c) {
  const std::uint64_t n = c.COLS;
  switch (static_cast<ScalarOp>(c.SCALAR_OP)) {
    case ScalarOp::COPY:
      return 2 * n;
    case ScalarOp::DIV:
    case ScalarOp::RDIV:
      return 22 * n;
    case ScalarOp::MAX_TO_SCALE:
      return 56 * n;
    case ScalarOp::RSQRT:
      return 74 * n;
    case ScalarOp::CENTERED:
      return 10 * n;
    case ScalarOp::LEVEL:
      return 7 * n;
    case ScalarOp::SELECT_TOP:
      return (3 + n) * n;
    case ScalarOp::SELECT_RANDOM:
      return 22 + 18 * n;
    case ScalarOp::RSUM:
    case ScalarOp::RMAXABS:
      return 2 * n + 2;
    case ScalarOp::TO_INT:
    case ScalarOp::FROM_INT:
    case ScalarOp::TO_SCALE:
    case ScalarOp::SHIFT_OF:
    case ScalarOp::EXP2:
    case ScalarOp::TOP:
    case ScalarOp::MAX_TO_POWER:
      return 4 * n;
    case ScalarOp::MUL:
    case ScalarOp::RMUL:
    case ScalarOp::RADD:
    case ScalarOp::RSUB:
    case ScalarOp::RMAX:
    case ScalarOp::RMIN:
    case ScalarOp::FROM_SUM:
    case ScalarOp::ISUB:
    case ScalarOp::IMAX:
    case ScalarOp::RKEEP:
      break;
  }
  return 5 * n;
}

std::uint64_t move_table(const Execution& e) { return 2 + std::uint64_t{e.rows} * e.cols; }

}  // namespace

std::uint64_t vector(const Hardware& h, const Execution& e) {
  const Operands of = operands(*e.command);
  switch (static_cast<Opcode>(e.command->OPCODE)) {
    case Opcode::TILE:
      return tile(h, e, of);
    case Opcode::AFFINE:
    case Opcode::POOL:
      return affine_or_pool(h, e, of);
    case Opcode::REDUCE:
      return reduce(h, e, of);
    case Opcode::UPDATE:
      return update(h, e, of);
    case Opcode::ADAM:
      return adam(h, e, of);
    case Opcode::LOSS:
      return loss(e, of);
    case Opcode::SCALAR:
      return scalar(*e.command);
    case Opcode::TABLE_LOAD:
    case Opcode::TABLE_STORE:
      return move_table(e);
    case Opcode::LOAD_NOP:
    case Opcode::LOAD:
    case Opcode::LOAD_SHAPE:
    case Opcode::END:
    case Opcode::ARRAY_NOP:
    case Opcode::GEMM:
    case Opcode::VECTOR_NOP:
    case Opcode::STORE_NOP:
    case Opcode::STORE:
    case Opcode::STORE_SHAPE:
      break;  // of other queues, or only waits
  }
  return 0;
}

}  // namespace bitloom::timing
