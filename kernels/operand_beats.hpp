// What the rows of a transfer take from DRAM, in beats, with and without LOAD's line buffer.
#pragma once
#include <optional>

#include "kernels/gemm_schedule.hpp"

namespace bitloom {

/// Returns the beats of one row of a transfer of `elements` elements, about.
double row_beats(const Lowering& low, const View& view, int elements);

/// Returns the beats that a row of operand A takes where its LOADs go by the line buffer (LINES), whole reduction and
/// all; nothing where they do not. They do where the tensor's images lie one behind the other, the buffer has room for
/// the lines of a window and the rows of a tile, and an image has fewer beats than its rows ask for without.
std::optional<double> line_beats(const Lowering& low, const GemmPass& pass);

}  // namespace bitloom
