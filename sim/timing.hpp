#pragma once
#include <cstdint>

#include "model/numbers.hpp"
#include "sim/engine.hpp"

// Cycles of the blocks, as docs/timing.md and docs/timing_vector.md state them for the RTL: the only place where the
// model knows them. Nothing depends on a program. Cycle k lies between clock edges k and k + 1; an execution runs from
// its start edge to its end edge.
namespace bitloom::timing {

// Command processor: commands asked for and not yet dispatched, and cycles from a dispatch to the first in which the
// queue has the command. A command can be dispatched in the cycle of its last beat's edge. END in cycle c ends at edge
// c + 1.
constexpr std::uint64_t kFetchAhead = 4;
constexpr std::uint64_t kDispatch = 1;
constexpr std::uint64_t kEnd = 1;

// Sequencer: a cycle to take a command of a group from the queue, a cycle for a step of the loops that does not
// execute, and a cycle to check the waits of one that does.
constexpr std::uint64_t kTakeCommand = 1;
constexpr std::uint64_t kSkipStep = 1;
constexpr std::uint64_t kCheckWaits = 1;
constexpr std::uint64_t kNop = 1;

// LOAD: from the start edge to the cycle in which the first burst can be granted, and from a burst's grant to the edge
// that accepts its address; it ends at the edge of its last beat. STORE: from the start edge to the edge that the first
// beat is offered to; it ends at the edge of its last response. Either without any byte takes one cycle.
constexpr std::uint64_t kLoadSetup = 1;
constexpr std::uint64_t kGrantToAddress = 2;
constexpr std::uint64_t kStoreSetup = 4;
constexpr std::uint64_t kEmptyTransfer = 1;

/// GEMM: the first scratchpad words, one byte of the reduction a cycle, one row of accumulators a cycle, the last
/// write.
inline std::uint64_t gemm(const Hardware& h, const Execution& e) {
  return std::uint64_t{e.cols} + static_cast<std::uint64_t>(h.rows) + 2;
}

inline bool draws(const Instruction& c) {
  return has_flag(c, Flag::CODES_OUT) && !has_flag(c, Flag::BIAS_OUT) &&
         static_cast<Rounding>(c.ROUNDING) == Rounding::kStochastic;
}

inline std::uint64_t statistics(const Execution& e, std::uint64_t entries) {
  return e.last && e.command->STAT != 0 ? entries : 0;
}

inline std::uint64_t tile(const Hardware& h, const Execution& e) {
  const Instruction& c = *e.command;
  std::uint64_t cycles = 5 + TileShape(h, e).words + statistics(e, 3);
  if (draws(c)) cycles += 11 + (e.first ? 21 : 0);
  if (has_flag(c, Flag::CODES_OUT)) cycles += c.COLS;
  return cycles;
}

inline std::uint64_t update(const Hardware& h, const Execution& e) {
  std::uint64_t cycles = 7 + 3 * TileShape(h, e).words + statistics(e, 3);
  if (!has_flag(*e.command, Flag::UPDATE_HALF_UP)) cycles += 10 + (e.first ? 42 : 0);
  return cycles;
}

inline std::uint64_t loss(const Execution& e) {
  return 1 + std::uint64_t{e.rows} * (3 * std::uint64_t{e.cols} + 42) + statistics(e, 2);
}

inline std::uint64_t scalar(const Instruction& c) {
  switch (static_cast<ScalarOp>(c.SCALAR_OP)) {
    case ScalarOp::COPY:
      return 2;
    case ScalarOp::MUL:
      return 5;
    case ScalarOp::DIV:
      return 22;
    case ScalarOp::MAX_TO_SCALE:
      return 56;
  }
  return 2;
}

inline std::uint64_t move_table(const Execution& e) { return 2 + std::uint64_t{e.cols}; }

}  // namespace bitloom::timing
