#pragma once
#include "model/golden/layer.hpp"
#include "model/golden/state_schema.hpp"
#include "model/golden/step_record.hpp"

namespace bitloom {

/// Tensors and scalars that a layer made in a step (step_record.hpp), but for z_raw, d_raw and mask.
void record_layer(const GoldenLayer& layer, const GoldenTools& tools, StepRecord& record);

/// What lives across steps, as the step left it.
void record_state(const StateSchema& schema, const TrainState& state, StepRecord& record);

/// Names a raw view.
NamedTensor named(const RawTensor& tensor);

/// A saturation count as a scalar, limited to 32 bits.
std::uint32_t counter(std::uint64_t count);

}  // namespace bitloom
