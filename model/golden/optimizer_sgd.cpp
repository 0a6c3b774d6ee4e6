// Gradient descent with momentum (N9), and beside weights that are codes (N23.3, N23.4).
#include <algorithm>

#include "model/golden/optimizer.hpp"
#include "model/numerics/polyline.hpp"
#include "model/numerics/update.hpp"
#include "model/rows/row_factors.hpp"
#include "model/rows/row_random.hpp"

namespace bitloom {
namespace {

constexpr int kCodeBits = 8;  ///< of a momentum beside codes (N23.3)

constexpr std::int64_t limit_of(int bits) { return (std::int64_t{1} << (bits - 1)) - 1; }

/// Lists a momentum of `bits` bits.
StateTensor& list_momentum(const What<StepTensor>& what, int bits, StateList& to, const MomentPlace& place) {
  StateTensor& momentum = to.weights(what, place.rows, place.cols, limit_of(bits), place.momentum);
  momentum.matrix = place.of == Parameter::kWeight;
  return momentum;
}

UpdateRow row_of(Scale unit, const FixedTensor& tensor, GoldenTools& tools) {
  std::uint64_t& counted = tools.totals.scale_saturated;
  const Scale momentum_unit = power_of_two(tools.recipe.update.momentum_frac_bits);
  const Scale ratio_g = div(unit, momentum_unit, counted);
  const Scale step_unit = mul(tools.context.lr, momentum_unit, counted);
  const Scale ratio_w = div(step_unit, power_of_two(tensor.frac_bits), counted);
  return {tools.context.mu16,
          ratio_g.m,
          ratio_g.s,
          ratio_w.m,
          ratio_w.s,
          static_cast<std::int32_t>(tensor.limit),
          qmax(tools.recipe.update.momentum_bits)};
}

class Sgd final : public GoldenOptimizer {
 public:
  void list(StateList& to, const MomentPlace& place, const UpdateRule& update) const override {
    list_momentum({StepTensor::kMomentum, place.of}, update.momentum_bits, to, place);
  }

  /// The record names it by its width; a checkpoint does not.
  void list_beside_codes(StateList& to, const MomentPlace& place, const UpdateRule& /*update*/) const override {
    list_momentum(StepTensor::kMomentum8, kCodeBits, to, place).stored = to.stored("momentum");
  }

  bool has_scales() const override { return true; }

  RowStatistics update(const FixedTensor& tensor, const GradientView& gradient, GoldenTools& tools) const override {
    return tools.tensors.update(tensor.master.data(), tensor.momentum.data(), gradient.data, gradient.rows,
                                gradient.cols, row_of(gradient.unit, tensor, tools), tools.recipe.update.stochastic,
                                tools.stream(tensor.layer, tensor.kind, RandomUse::kMomentum),
                                tools.stream(tensor.layer, tensor.kind, RandomUse::kMaster));
  }

  UpdateStatistics change(const CodeMoments& moments, const GradientView& gradient, const TakeChanges& take,
                          GoldenTools& tools) const override {
    const Scale now = moments.next_scale;
    FactorRow decay(1), by_gradient(1), by_momentum(1);
    decay.fill(lwq_decay(tools.context.mu16, moments.scale, now), false);
    by_gradient.fill(rdiv(from_scale(gradient.unit), from_scale(now)), false);
    by_momentum.fill(lwq_update_ratio(from_scale(tools.context.lr), now, moments.step), false);
    const LwqRule rule{decay.factors(), by_gradient.factors(), by_momentum.factors()};
    const Stream stream = tools.stream(moments.layer, TensorKind::kWeight, RandomUse::kMomentum);
    const Kernels& kernel = kernels(active_isa());
    const std::size_t cols = gradient.cols, at_once = rows_at_once(cols);
    RandomRows random(kernel, cols, 16);
    std::vector<std::int32_t> changes(at_once * cols);
    const bool stochastic = tools.recipe.update.stochastic;
    const std::vector<std::uint16_t> half(stochastic ? 0 : changes.size(), kHalfUpWord16);
    LwqSums sums;
    for (std::size_t row = 0; row < gradient.rows; row += at_once) {
      const std::size_t rows = std::min(at_once, gradient.rows - row), at = row * cols;
      const auto* words = stochastic ? random.draw<RandomField16>(stream, row, rows) : half.data();
      kernel.lwq_momentum_row(moments.momentum.data() + at, gradient.data + at, rows * cols, rule, words,
                              changes.data(), sums);
      take(row, rows, changes.data());
    }
    moments.scale = now;
    moments.next_scale = lwq_momentum_scale(sums.vmax, now, tools.totals.scale_saturated);
    return {sums.saturated, sums.momentum_saturated, sums.vmax, sums.moved};
  }

  void calibrate(const CodeMoments& moments, const GradientView& gradient, GoldenTools& tools) const override {
    const auto max = static_cast<std::uint32_t>(tools.ops.max_of(gradient.data, gradient.size()));
    moments.next_scale = moments.scale = lwq_momentum_scale(max, gradient.unit, tools.totals.scale_saturated);
  }

  void record(const UpdateStatistics& made, LayerRecord& to) const override {
    to.scalar(StepScalar::kVMax, static_cast<std::uint32_t>(made.vmax));
  }
};

}  // namespace

namespace optimizers {

const GoldenOptimizer& sgd() { return object_of<Sgd>(); }

}  // namespace optimizers
}  // namespace bitloom
