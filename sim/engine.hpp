#pragma once
#include <cstdint>

#include "kernels/command.hpp"
#include "kernels/hardware.hpp"
#include "kernels/operands.hpp"
#include "model/io/error.hpp"
#include "sim/execution.hpp"
#include "sim/simulator.hpp"
#include "sim/statistics.hpp"

namespace bitloom {

/// What the engines of one step share.
struct Machine {
  Hardware hardware;
  StepRegisters registers;
};

inline bool is(const Instruction& c, Opcode opcode) { return c.OPCODE == static_cast<std::uint32_t>(opcode); }

inline bool has_flag(const Instruction& c, Flag flag) { return (c.FLAGS >> static_cast<int>(flag) & 1u) != 0; }

/// Says whether an execution is a LOAD or a STORE with elements: its queue goes on while it is under way.
inline bool overlaps(const Execution& e) {
  return (is(*e.command, Opcode::LOAD) || is(*e.command, Opcode::STORE)) && e.rows != 0 && e.cols != 0;
}

/// Returns the operands of a vector command.
inline Operands operands(const Instruction& c) {
  return operands({static_cast<Opcode>(c.OPCODE), c.FLAGS, static_cast<QuantizerKind>(c.QUANTIZER),
                   static_cast<RoundingMode>(c.ROUNDING), static_cast<MaskRule>(c.MASK_RULE),
                   static_cast<ReduceKind>(c.REDUCE_KIND), static_cast<PoolOp>(c.POOL_OP), c.SUMS != 0});
}

constexpr std::uint64_t ceil_div(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

/// Tiles of vector commands: 32-bit values travel in words of V; a full tile's row is G words.
struct TileShape {
  TileShape(const Hardware& h, const Execution& e)
      : lanes(static_cast<std::uint64_t>(h.lanes)),
        row_words(ceil_div(e.command->COLS, lanes)),
        words(e.rows * row_words),
        coefficient_words(e.command->COEF_SCALAR != 0 ? 1 : row_words),
        elements(std::uint64_t{e.rows} * e.cols) {}
  std::uint64_t lanes;              ///< V
  std::uint64_t row_words;          ///< G, of the full tile
  std::uint64_t words;              ///< of this execution: the engine walks whole rows of the full tile
  std::uint64_t coefficient_words;  ///< that a stream reads of each coefficient vector
  std::uint64_t elements;           ///< of this execution
};

/// Is it the last of the executions that one i0 has?
inline bool ends(const Execution& e) { return e.index[1] + 1 == e.counts[1] && e.index[2] + 1 == e.counts[2]; }

/// Words of VIN and VOUT that a group of lanes reads and writes in an execution.
struct GroupWords {
  GroupWords(const Execution& e, const Operands& of)
      : in(static_cast<std::uint64_t>(of.inputs.size() + (ends(e) ? of.last_inputs.size() : 0))),
        vectors(static_cast<std::uint64_t>(of.coefficients.size())),
        out(static_cast<std::uint64_t>(of.at_end && !ends(e) ? 0 : of.outputs.size())) {}
  std::uint64_t in;       ///< of full-tile inputs
  std::uint64_t vectors;  ///< of coefficient vectors, where they are read
  std::uint64_t out;
};

}  // namespace bitloom
