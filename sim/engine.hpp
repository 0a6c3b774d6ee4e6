#pragma once
#include <cstdint>

#include "kernels/command.hpp"
#include "kernels/hardware.hpp"
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

constexpr std::uint64_t ceil_div(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

/// Tiles of vector commands: 32-bit values travel in words of V; a full tile's row is G words.
struct TileShape {
  TileShape(const Hardware& h, const Execution& e)
      : lanes(static_cast<std::uint64_t>(h.lanes())),
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

}  // namespace bitloom
