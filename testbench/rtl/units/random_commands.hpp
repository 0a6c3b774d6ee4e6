#pragma once
#include <cstdint>

#include "testbench/model/numerics/sweep.hpp"
#include "testbench/rtl/units/engine_reference.hpp"

namespace bitloom::testing {

// Random legal commands that fit the hardware's memories. The table holds what they read: scales, reals (of either
// sign), powers of two (N24), tops (N19.1), limits, shifts (N13.1) and levels (N23.6); statistics go to kStatistics + 8
// · slot. All of it lies at the table's end.

constexpr std::uint32_t kScales = 2, kScaleCount = 30;
constexpr std::uint32_t kReals = 32, kRealCount = 16;
constexpr std::uint32_t kPowers = 48, kPowerCount = 6;
constexpr std::uint32_t kTops = 54, kTopCount = 6;
constexpr std::uint32_t kLimits = 60, kLimitCount = 6;
constexpr std::uint32_t kShifts = 66, kShiftCount = 4;
constexpr std::uint32_t kLevels = 70, kLevelCount = 5;
constexpr std::uint32_t kStatistics = 80;
constexpr int kTableTests = 160;  ///< entries that the tests' commands use

/// Returns the first of them: base's need 15 bits.
inline std::uint32_t table_origin() { return static_cast<std::uint32_t>(hardware().table_words - kTableTests); }

/// A scale whose shift is often one that gives results of some bits.
std::uint32_t random_scale(Sweep& sweep);
Registers random_registers(Sweep& sweep);
/// Fills the table's operands.
void load_operands(Pair& pair, Sweep& sweep);

Command random_tile(Sweep& sweep, const Hardware& hw, std::uint32_t index);
Command random_update(Sweep& sweep, const Hardware& hw, std::uint32_t index);
Command random_adam(Sweep& sweep, const Hardware& hw, std::uint32_t index);
Command random_affine(Sweep& sweep, const Hardware& hw, std::uint32_t index);
Command random_reduce(Sweep& sweep, const Hardware& hw, std::uint32_t index);
Command random_pool(Sweep& sweep, const Hardware& hw, std::uint32_t index);
/// One execution of the command with random effective counts, position and parity, and its operands in ACC and VIN.
Execution random_execution(const Command& command, Sweep& sweep, const Hardware& hw, Pair& pair);

/// Runs a loop group: every command once an iteration, statistics over all of them.
void run_group(Pair& pair, const std::vector<Command>& commands, int iterations, Sweep& sweep, const Hardware& hw);
/// Runs a command of its own over `rows` tiles of rows (i1), with the same columns.
void run_rows(Pair& pair, const Command& command, int rows, Sweep& sweep, const Hardware& hw);
/// Runs a command of its own over its N1 x N2 iterations, `outer` times, with the same rows and columns in each of the
/// outer iterations.
void run_loops(Pair& pair, const Command& command, int outer, Sweep& sweep, const Hardware& hw);

}  // namespace bitloom::testing
