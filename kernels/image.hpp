#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/program.hpp"
#include "model/golden/state.hpp"
#include "model/golden/step.hpp"
#include "model/numerics/numbers.hpp"

namespace bitloom {

/// The bytes from BASE on, Program::total_bytes of them.
struct MemoryImage {
  std::vector<std::uint8_t> bytes;
};

/// Returns program, constants and state; every other byte is `poison`. input_scale is the value of one code of the
/// network's input (N6.5). Throws Error when the state does not fit the program or lacks a hindsight scale
/// (calibrate()).
MemoryImage initial_image(const Program& program, const TrainState& state, const Recipe& recipe, Scale input_scale,
                          std::uint8_t poison = 0);

/// Returns the batch block: X and labels. Throws Error when the shapes do not fit.
std::vector<std::uint8_t> batch_block(const Program& program, const Batch& batch);
/// Writes it into slot 0 … batch_slots − 1 of the bytes from BASE on.
void write_batch(const Program& program, std::span<std::uint8_t> memory, int slot, const Batch& batch);

/// Returns BATCH register minus BASE of a slot.
std::uint64_t batch_offset(const Program& program, int slot);

/// Reads the state back from the bytes from BASE on, after a step. Scales that the program does not keep are no scale.
TrainState read_state(const Program& program, std::span<const std::uint8_t> memory, std::uint32_t step);

}  // namespace bitloom
