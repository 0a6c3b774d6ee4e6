#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/program.hpp"

namespace bitloom::cosim {

/// Reads a tensor back from memory: the canonical [rows][cols] values. A second decoder of the layout that
/// docs/commands.md describes, written for co-simulation only, so that an error of the lowering's own packing code
/// cannot hide itself. `memory` starts where the placement's address counts from. Throws Error when the tensor leaves
/// the memory or its own bytes.
std::vector<std::int32_t> decode_tensor(const TensorPlacement& tensor, std::span<const std::uint8_t> memory);

}  // namespace bitloom::cosim
