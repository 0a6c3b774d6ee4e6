// Cycles of the vector queue's commands: docs/timing_vector.md, line by line.
#include <algorithm>

#include "kernels/command.hpp"
#include "sim/timing.hpp"

namespace bitloom::timing {
namespace {

std::uint64_t statistics(const Execution& e, std::uint64_t entries) {
  return e.last && e.command->STAT != 0 ? entries : 0;
}

std::uint64_t count(const Instruction& c, std::initializer_list<Flag> flags) {
  std::uint64_t sum = 0;
  for (const Flag flag : flags) sum += has_flag(c, flag) ? 1 : 0;
  return sum;
}

bool ends(const Execution& e) { return e.index[1] + 1 == e.counts[1] && e.index[2] + 1 == e.counts[2]; }

/// Returns S: the cycles of all groups of a stream, of which some read `vectors` coefficient vectors too.
std::uint64_t stream(const Hardware& h, const Execution& e, std::uint64_t in, std::uint64_t vectors,
                     std::uint64_t out) {
  const TileShape shape(h, e);
  return shape.coefficient_words * std::max<std::uint64_t>({1, in + vectors, out}) +
         (shape.words - shape.coefficient_words) * std::max<std::uint64_t>({1, in, out});
}

std::uint64_t tile(const Hardware& h, const Execution& e) {
  const Instruction& c = *e.command;
  const auto quantizer = static_cast<QuantizerKind>(c.QUANTIZER);
  const bool codes = has_flag(c, Flag::CODES_OUT);
  const bool group = quantizer == QuantizerKind::GROUP;
  const bool stochastic =
      quantizer != QuantizerKind::SIGN && static_cast<RoundingMode>(c.ROUNDING) == RoundingMode::STOCHASTIC;
  const bool draws = codes && !has_flag(c, Flag::BIAS_OUT) && (group || stochastic);
  const std::uint64_t in = count(c, {Flag::FROM_VIN, Flag::MASK_IN}), vectors = codes && group ? 2 : 0;
  const std::uint64_t out = count(c, {Flag::RAW_OUT, Flag::CODES_OUT, Flag::MASK_OUT});
  return 6 + out + stream(h, e, in, vectors, out) + (draws ? 10 + (e.first ? 21 : 0) : 0) + statistics(e, 3);
}

std::uint64_t affine(const Hardware& h, const Execution& e) {
  const Instruction& c = *e.command;
  const std::uint64_t in = 1 + count(c, {Flag::V_IN, Flag::MASK_IN});
  const std::uint64_t vectors = count(c, {Flag::A_VECTOR, Flag::B_VECTOR, Flag::C_VECTOR});
  const std::uint64_t out = count(c, {Flag::RAW_OUT, Flag::MASK_OUT});
  return 5 + out + stream(h, e, in, vectors, out) + statistics(e, 3);
}

std::uint64_t reduce(const Hardware& h, const Execution& e) {
  const Instruction& c = *e.command;
  const std::uint64_t lines = static_cast<ReduceKind>(c.REDUCE_KIND) == ReduceKind::RANGE ? 3 : 4;
  return 5 + stream(h, e, 1 + count(c, {Flag::V_IN}), 0, 0) +
         (ends(e) ? lines * (c.AXIS_ALL != 0 ? 1 : TileShape(h, e).row_words) : 0);
}

std::uint64_t pool(const Hardware& h, const Execution& e) {
  const Instruction& c = *e.command;
  const auto op = static_cast<PoolOp>(c.POOL_OP);
  std::uint64_t in = op == PoolOp::MAX_BACKWARD ? 2 : 1, out = 0;
  if (ends(e)) {
    in += count(c, {Flag::MASK_IN});
    out = count(c, {Flag::MASK_OUT}) + (op == PoolOp::MAX ? 2 : 1);
  }
  return 5 + out + stream(h, e, in, 0, out) + statistics(e, 3);
}

std::uint64_t update(const Hardware& h, const Execution& e) {
  const bool lwq = has_flag(*e.command, Flag::LWQ);
  const std::uint64_t words = TileShape(h, e).words;
  const bool momentum = !lwq || !has_flag(*e.command, Flag::FROM_VIN);
  const bool codes = lwq && momentum && !has_flag(*e.command, Flag::MASTER32);
  std::uint64_t cycles = (lwq && momentum ? 12 : 11) + (codes ? 4 : 3) * words + statistics(e, lwq ? 5 : 3);
  if (!has_flag(*e.command, Flag::HALF_UP)) cycles += 7 + (e.first ? 42 : 0);
  return cycles;
}

std::uint64_t adam(const Hardware& h, const Execution& e) {
  const TileShape shape(h, e);
  const std::uint64_t words = shape.words, vectors = 4 * shape.coefficient_words;
  if (!has_flag(*e.command, Flag::CODES_OUT)) return 1 + 45 * words + vectors;
  if (has_flag(*e.command, Flag::LWQ)) return 1 + 57 * words + vectors + statistics(e, 3);
  const bool makes_key = e.first && !has_flag(*e.command, Flag::HALF_UP);
  return 1 + 58 * words + vectors + (makes_key ? 21 : 0) + statistics(e, 3);
}

std::uint64_t loss(const Execution& e) {
  return 1 + std::uint64_t{e.rows} * (3 * std::uint64_t{e.cols} + 42) + statistics(e, 2);
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
  switch (static_cast<Opcode>(e.command->OPCODE)) {
    case Opcode::TILE:
      return tile(h, e);
    case Opcode::AFFINE:
      return affine(h, e);
    case Opcode::REDUCE:
      return reduce(h, e);
    case Opcode::POOL:
      return pool(h, e);
    case Opcode::UPDATE:
      return update(h, e);
    case Opcode::ADAM:
      return adam(h, e);
    case Opcode::LOSS:
      return loss(e);
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
