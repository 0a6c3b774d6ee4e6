#include "model/golden/buffer.hpp"

#include <algorithm>

#include "model/numerics/gradient_buffer.hpp"

namespace bitloom {
namespace {

/// Sets the value of a code for each column, from the first micro-batch (N26.1).
void set_steps(LayerState& state, const GradientView& gradient, GoldenTools& tools) {
  std::vector<Real> largest;
  for (const Extremes& of : tools.ops.extremes(gradient.data, gradient.rows, gradient.cols, 0)) {
    largest.push_back(buffer_column_max(of.lo, of.hi));
  }
  const Real of_tensor = rmaxabs(largest);
  const Real headroom = real_constant(tools.recipe.update.buffer_headroom);
  for (std::size_t o = 0; o < gradient.cols; ++o) {
    state.buffer_step[o] = buffer_step(largest[o], of_tensor, gradient.unit, headroom);
  }
}

}  // namespace

std::uint64_t accumulate_weights(LayerState& state, const GradientView& gradient, int layer, GoldenTools& tools) {
  const std::size_t rows = gradient.rows, cols = gradient.cols;
  if (tools.micro_batch.first) {
    set_steps(state, gradient, tools);
    std::fill(state.buffer.begin(), state.buffer.end(), 0);
  }
  std::vector<Real> ratios;
  for (const Real step : state.buffer_step) ratios.push_back(buffer_ratio(gradient.unit, step));
  std::vector<std::int32_t> sums(rows * cols);
  std::uint64_t saturated =
      tools.ops
          .affine(gradient.data, {ratios, PerAxis::Axis::kColumn, 1}, {state.buffer.data(), 0, cols, 1},
                  {{&kBufferOne, 1}, PerAxis::Axis::kTensor, 1}, {}, rows, cols, false, sums.data())
          .saturated;
  std::vector<std::int8_t> codes(sums.size());
  saturated += tools.tensors.quantize(sums.data(), rows, cols, kBufferRatio, Rounding::kStochastic,
                                      tools.stream(layer, TensorKind::kWeight, RandomUse::kAccumulate),
                                      qmax(kBufferBits), codes.data());
  state.buffer.assign(codes.begin(), codes.end());
  return saturated;
}

RawTensor mean_of_weights(const LayerState& state, std::size_t rows, std::size_t cols, GoldenTools& tools) {
  const Real common = buffer_common(state.buffer_step);
  std::vector<Real> by_code;
  for (const Real step : state.buffer_step) by_code.push_back(rdiv(step, common));
  RawTensor mean;
  mean.resize(rows, cols);
  // At most 127 · 256 units: nothing to count.
  mean.max = tools.ops
                 .affine(state.buffer.data(), {by_code, PerAxis::Axis::kColumn, 1}, {}, {}, {}, rows, cols, false,
                         mean.data.data())
                 .max;
  mean.unit = buffer_unit(common, tools.recipe.update.micro_batches, tools.totals.scale_saturated);
  return mean;
}

std::uint64_t accumulate_vector(std::vector<std::int32_t>& sum, const std::vector<std::int32_t>& gradient, Scale unit,
                                GoldenTools& tools) {
  if (tools.micro_batch.first) std::fill(sum.begin(), sum.end(), 0);
  const Real ratio = rmul(from_scale(unit), exp2_real(kVectorSumBits));
  const Real one = exp2_real(0);
  const std::vector<std::int32_t> before = sum;
  return tools.ops
      .affine(gradient.data(), {{&ratio, 1}, PerAxis::Axis::kTensor, 1}, {before.data(), 0, sum.size(), 1},
              {{&one, 1}, PerAxis::Axis::kTensor, 1}, {}, 1, sum.size(), false, sum.data())
      .saturated;
}

Scale unit_of_vector(GoldenTools& tools) {
  return buffer_unit(exp2_real(-kVectorSumBits), tools.recipe.update.micro_batches, tools.totals.scale_saturated);
}

}  // namespace bitloom
