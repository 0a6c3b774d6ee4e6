#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/golden/state.hpp"
#include "model/golden/step_record.hpp"
#include "model/network/input.hpp"
#include "model/network/recipe.hpp"
#include "model/network/step_config.hpp"
#include "model/numerics/numbers.hpp"

namespace bitloom {

/// One batch as the host feeds it: codes of the first layer's width (N6.5).
struct Batch {
  int M = 0;                         ///< samples, 1 … 65535
  std::vector<std::int8_t> X;        ///< [M][elements of a sample], images [row][column][channel]
  std::vector<std::uint8_t> labels;  ///< [M], each below the network's outputs
  Scale scale;                       ///< value of one code (N2.6 of input_code_value())
};

/// Run-time values of a step besides state and batch.
struct StepContext {
  std::uint64_t seed64 = 0;
  std::uint32_t step = 0;  ///< optimizer step, or micro-batch (N26.5); addresses the random words (N4.2)
  Scale lr;                ///< N2.6 of the learning rate
  std::uint32_t mu16 = 0;  ///< round(65536 · momentum), 0 … 65535
  int epoch = 0;           ///< chooses the recipe's gb (N24.3, gradient_bits_at())
};

/// Returns the run-time values of a step of this configuration. Throws Error when its learning rate is no scale.
inline StepContext step_context(const StepConfig& config, std::uint64_t seed, std::uint32_t step) {
  return {seed, step, nearest_scale(config.learning_rate), config.mu16, config.epoch};
}

/// What a step reports, with or without a record.
struct StepResult {
  std::uint32_t loss = 0;       ///< N7.4, sum over the samples
  std::uint32_t correct = 0;    ///< samples
  std::uint64_t saturated = 0;  ///< values clamped anywhere in the step
};

struct GoldenRun;

/// Makes training steps by N5–N26 on whole tensors: no tile, no command. Derives the backward pass itself. Keeps its
/// working memory from step to step. The bits do not depend on `threads`, the machine or BITLOOM_ISA.
class GoldenEngine {
 public:
  /// Throws Error when the recipe or the network is none that integers execute, a dimension exceeds 65535, or
  /// BITLOOM_ISA is wrong.
  GoldenEngine(const Network& network, const Recipe& recipe, int threads);
  GoldenEngine(GoldenEngine&&) noexcept;
  ~GoldenEngine();

  /// Makes a step, or a micro-batch of one (N26): changes `state` and adds one to its step. With `record`, every tensor
  /// and scalar is stored there. Throws Error, with nothing changed, when shapes do not fit or a scale rule says
  /// hindsight and the state has no scale.
  StepResult step(TrainState& state, const Batch& batch, const StepContext& context, StepRecord* record);

  /// Sets the scales that the first step finds in the state: what exact maxima give for this batch with the state as it
  /// is. Nothing else changes, and nothing at all where the recipe needs none (N6.2, N19.1, N23.3).
  void calibrate(TrainState& state, const Batch& batch, const StepContext& context);

  /// Makes a forward pass with running statistics, loss and correct samples only: exact maxima where the recipe says
  /// exact, the state's scales where it says hindsight (or exact maxima too while the state has none).
  StepResult evaluate(const TrainState& state, const Batch& batch, const StepContext& context);

  /// Tells which kernels run, for reports: for example "avx512, GEMM onednn".
  std::string kernels_name() const;

 private:
  std::unique_ptr<GoldenRun> run_;
};

/// Does GoldenEngine::step() once.
StepResult golden_step(const Network& network, const Recipe& recipe, TrainState& state, const Batch& batch,
                       const StepContext& context, StepRecord* record, int threads);

/// Does GoldenEngine::calibrate() once.
void calibrate(const Network& network, const Recipe& recipe, TrainState& state, const Batch& batch,
               const StepContext& context, int threads);

}  // namespace bitloom
