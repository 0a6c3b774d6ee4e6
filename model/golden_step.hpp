#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/numbers.hpp"
#include "model/recipe.hpp"
#include "model/state.hpp"
#include "model/step_record.hpp"

namespace bitloom {

/// One batch as the host feeds it: codes of the first layer's width (N6.5).
struct Batch {
  int M = 0;                         ///< samples, 1 … 65535
  std::vector<std::int8_t> X;        ///< [M][in]
  std::vector<std::uint8_t> labels;  ///< [M], each below the network's outputs
  Scale scale;                       ///< value of one code (N2.6 of input_code_value())
};

/// Run-time values of a step besides state and batch.
struct StepContext {
  std::uint64_t seed64 = 0;
  std::uint32_t step = 0;  ///< optimizer step, addresses the random words (N4.2)
  Scale lr;                ///< N2.6 of the learning rate
  std::uint32_t mu16 = 0;  ///< round(65536 · momentum), 0 … 65535
};

struct StepResult {
  std::uint32_t loss = 0;       ///< N7.4, sum over the samples
  std::uint32_t correct = 0;    ///< samples
  std::uint64_t saturated = 0;  ///< values clamped anywhere in the step
};

/// Training steps by N5–N10 on whole tensors: no tile, no command. Keeps its working memory from step to step. The bits
/// do not depend on `threads`, the machine or BITLOOM_ISA. Random words of a layer's output view (the next layer's x)
/// are addressed with the layer that made it (N4.5).
class GoldenEngine {
 public:
  /// Throws Error when the recipe does not fit the chain, a dimension exceeds 65535, or BITLOOM_ISA is wrong.
  GoldenEngine(Chain chain, Recipe recipe, int threads);
  GoldenEngine(GoldenEngine&&) noexcept;
  ~GoldenEngine();

  /// One step: changes `state` and adds one to its step. With `record`, every tensor and scalar is stored there.
  /// Throws Error, with nothing changed, when shapes do not fit or a scale rule says hindsight and the state has no
  /// scale.
  StepResult step(TrainState& state, const Batch& batch, const StepContext& context, StepRecord* record);

  /// N6.2's calibration: sets sx_next and sd_next to what exact maxima give for this batch with the state as it is;
  /// nothing else changes. Does nothing where the recipe has no hindsight rule.
  void calibrate(TrainState& state, const Batch& batch, const StepContext& context);

  /// Forward pass, loss and correct samples only: exact maxima where the recipe says exact, the state's scales where it
  /// says hindsight (or exact maxima too while the state has none).
  StepResult evaluate(const TrainState& state, const Batch& batch, const StepContext& context);

  /// Which kernels run, for reports: for example "avx512, GEMM onednn".
  std::string kernels_name() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// GoldenEngine::step() for a single step.
StepResult golden_step(const Chain& chain, const Recipe& recipe, TrainState& state, const Batch& batch,
                       const StepContext& context, StepRecord* record, int threads);

/// GoldenEngine::calibrate() once.
void calibrate(const Chain& chain, const Recipe& recipe, TrainState& state, const Batch& batch,
               const StepContext& context, int threads);

}  // namespace bitloom
