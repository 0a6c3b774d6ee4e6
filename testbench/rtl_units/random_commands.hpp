#pragma once
#include <cstdint>

#include "testbench/numbers/sweep.hpp"
#include "testbench/rtl_units/engine_reference.hpp"

namespace bitloom::testing {

// Random legal commands that fit the hardware's memories. Scales are in T[2..63], statistics go to T[64 + 4·slot ...].

constexpr std::uint32_t kScales = 62;

/// A scale whose shift is often one that gives results of some bits.
std::uint32_t random_scale(Sweep& sweep);
Registers random_registers(Sweep& sweep);
/// Fills T[2..63] with scales.
void load_scales(Pair& pair, Sweep& sweep);

Command random_tile(Sweep& sweep, const Hardware& hw, std::uint32_t index);
Command random_update(Sweep& sweep, const Hardware& hw, std::uint32_t index);
/// One execution of the command with random effective counts, position and parity, and its operands in ACC and VIN.
Execution random_execution(const Command& command, Sweep& sweep, const Hardware& hw, Pair& pair);

/// Runs a loop group: every command once an iteration, statistics over all of them.
void run_group(Pair& pair, const std::vector<Command>& commands, int iterations, Sweep& sweep, const Hardware& hw);

}  // namespace bitloom::testing
