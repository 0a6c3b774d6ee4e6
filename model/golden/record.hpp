#pragma once
#include "model/golden/layer.hpp"
#include "model/golden/step_record.hpp"

namespace bitloom {

/// Tensors and scalars of a layer after a step (step_record.hpp); `state` is the updated one. Not z_raw, d_raw and
/// mask.
void record_layer(const GoldenLayer& layer, const LayerState& state, const GoldenTools& tools, StepRecord& record);

/// Adam's state of a tensor of `rows` rows (none: nothing), its names starting with `prefix`.
void record_adam(const AdamState& of, std::size_t rows, const std::string& prefix, StepRecord& record);

/// A raw view.
NamedTensor named(const RawTensor& tensor);

/// A saturation count as a scalar, limited to 32 bits.
std::uint32_t counter(std::uint64_t count);

}  // namespace bitloom
