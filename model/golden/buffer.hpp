#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/golden/state.hpp"
#include "model/golden/tools.hpp"

namespace bitloom {

/// Adds a micro-batch's weight gradient [rows][cols] to the layer's buffer (N26.1, N26.2). Returns the saturations.
std::uint64_t accumulate_weights(LayerState& state, const GradientView& gradient, int layer, GoldenTools& tools);

/// Returns the mean over the step's micro-batches, as a raw view (N26.3).
RawTensor mean_of_weights(const LayerState& state, std::size_t rows, std::size_t cols, GoldenTools& tools);

/// Adds a micro-batch's gradient of a bias, gamma or beta to its sum (N26.4). Returns the saturations.
std::uint64_t accumulate_vector(std::vector<std::int32_t>& sum, const std::vector<std::int32_t>& gradient, Scale unit,
                                GoldenTools& tools);
/// Returns the unit of such a sum, taken as a mean (N26.4).
Scale unit_of_vector(GoldenTools& tools);

}  // namespace bitloom
