#pragma once
#include "model/golden/step.hpp"
#include "testbench/model/named_record.hpp"

namespace bitloom::testing {

/// Does the step of golden_step() as its specification: it is written from docs/numerics.md element by element, with
/// the element functions of the rules and int64 sums, no kernels, no threads.
StepResult reference_step(const Network& network, const Recipe& recipe, TrainState& state, const Batch& batch,
                          const StepContext& context, NamedRecord& record);

/// Sets the scales of N6.2's calibration in the state.
void reference_calibrate(const Network& network, const Recipe& recipe, TrainState& state, const Batch& batch,
                         const StepContext& context);

}  // namespace bitloom::testing
