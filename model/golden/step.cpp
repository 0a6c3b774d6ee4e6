#include "model/golden/step.hpp"

#include <algorithm>

#include "model/golden/optimizer.hpp"
#include "model/golden/run.hpp"
#include "model/io/error.hpp"

namespace bitloom {

GoldenEngine::GoldenEngine(const Network& network, const Recipe& recipe, int threads)
    : run_(std::make_unique<GoldenRun>(network, recipe, threads)) {}
GoldenEngine::GoldenEngine(GoldenEngine&&) noexcept = default;
GoldenEngine::~GoldenEngine() = default;

StepResult GoldenEngine::step(TrainState& state, const Batch& batch, const StepContext& context, StepRecord* record) {
  run_->schema.require_fit(state);
  run_->require_batch(batch);
  const std::string missing = run_->schema.missing_scalar(state);
  if (!missing.empty()) throw Error("golden step: " + missing + " is missing; calibrate first");
  if (!is_scale(context.lr) || context.mu16 > 65535) throw Error("golden step: no learning rate, or momentum of 1");
  if (context.epoch < 0) throw Error("golden step: the epoch is negative");
  run_->begin(state, batch, context, false, true);
  if (run_->tools.micro_batch.last) run_->tools.optimizer.begin(state, run_->tools);
  run_->forward(state);
  run_->loss();
  run_->backward({state, &state, true});
  for (std::size_t i = 0; i < state.norms.size(); ++i) run_->norms[i].update_running(state.norms[i], run_->tools);
  ++state.step;
  if (record != nullptr) run_->record(state, *record);
  return run_->result();
}

void GoldenEngine::calibrate(TrainState& state, const Batch& batch, const StepContext& context) {
  run_->schema.require_fit(state);
  const auto needs = [](const StateScalar& scalar) { return scalar.calibrated; };
  if (std::none_of(run_->schema.scalars.begin(), run_->schema.scalars.end(), needs)) return;
  run_->require_batch(batch);
  run_->begin(state, batch, context, true, true);
  run_->forward(state);
  run_->loss();
  run_->backward({state, nullptr, true});
  for (std::size_t l = 0; l < state.layers.size(); ++l) run_->layers[l].calibrate(state.layers[l], run_->tools);
}

StepResult GoldenEngine::evaluate(const TrainState& state, const Batch& batch, const StepContext& context) {
  run_->schema.require_fit(state);
  run_->require_batch(batch);
  run_->begin(state, batch, context, !run_->schema.missing_scalar(state).empty(), false);
  run_->forward(state);
  run_->loss();
  return run_->result();
}

std::string GoldenEngine::kernels_name() const {
  return std::string(isa_name(active_isa())) + ", GEMM " + run_->tools.gemm.name();
}

StepResult golden_step(const Network& network, const Recipe& recipe, TrainState& state, const Batch& batch,
                       const StepContext& context, StepRecord* record, int threads) {
  return GoldenEngine(network, recipe, threads).step(state, batch, context, record);
}

void calibrate(const Network& network, const Recipe& recipe, TrainState& state, const Batch& batch,
               const StepContext& context, int threads) {
  GoldenEngine(network, recipe, threads).calibrate(state, batch, context);
}

}  // namespace bitloom
