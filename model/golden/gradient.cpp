// The backward half of a layer: codes of the gradient, both gradient GEMMs and the update.
#include "model/golden/buffer.hpp"
#include "model/golden/layer.hpp"
#include "model/golden/quantizer.hpp"
#include "model/golden/store.hpp"

namespace bitloom {
void GoldenLayer::quantize_gradient(const RawTensor& g, const LayerState& state, GoldenTools& tools) {
  d_unit = g.unit;
  d_max = g.magnitude();
  golden_quantizer(rule.gradient.quantizer).gradient(*this, g, state, tools);
}

void GoldenLayer::activation_gradient(GoldenTools& tools, RawTensor& to) {
  const std::size_t channels = size_of(node.conv.in);
  to.resize(tools.samples * node.conv.in_pixels(), channels);
  golden_quantizer(rule.gradient.quantizer).activation_gradient(*this, tools, to);
  to.max = x_mask.empty() ? tools.ops.max_of(to.data.data(), to.data.size())
                          : tools.ops.apply_mask(to.data.data(), x_mask.data(), to.data.size());
}

void GoldenLayer::weight_gradient(const LayerState& state, GoldenTools& tools) {
  golden_quantizer(rule.gradient.quantizer).weight_gradient(*this, tools);
  golden_quantizer(rule.weight.quantizer).through_weights(*this, state, tools);
}

void GoldenLayer::update(LayerState& state, GoldenTools& tools) {
  const GradientView of_weights{dw.data(), depth(), out(), dw_unit};
  if (!tools.accumulates()) {
    update_weights(state, of_weights, tools);
    if (node.bias) update_bias(state, db, db_unit, tools);
  } else {
    counts.buffer = accumulate_weights(state, of_weights, node.layer, tools);
    if (node.bias) counts.buffer += accumulate_vector(state.bias_sum, db, db_unit, tools);
    updated = {};
    if (tools.micro_batch.last) {
      dw_mean = mean_of_weights(state, depth(), out(), tools);
      update_weights(state, {dw_mean.data.data(), depth(), out(), dw_mean.unit}, tools);
      if (node.bias) update_bias(state, state.bias_sum, unit_of_vector(tools), tools);
    }
  }
  keep_scales(state, tools);
}

/// Keeps what the next step makes codes by.
void GoldenLayer::keep_scales(LayerState& state, const GoldenTools& tools) const {
  if (!reads_input()) golden_quantizer(rule.activation.quantizer).keep_input(*this, state);
  golden_quantizer(rule.gradient.quantizer).keep_gradient(*this, tools, state);
}

void GoldenLayer::update_weights(LayerState& state, const GradientView& gradient, GoldenTools& tools) {
  updated = golden_store(rule.store).update(state, gradient, rule, node.layer, tools);
  counts.master = updated.saturated;
  counts.momentum = updated.momentum_saturated;
}

void GoldenLayer::update_bias(LayerState& state, const std::vector<std::int32_t>& gradient, Scale unit,
                              GoldenTools& tools) {
  const FixedTensor bias{state.bias, state.bias_momentum, state.bias_adam,  tools.recipe.update.bias_frac_bits,
                         kBiasLimit, node.layer,          TensorKind::kBias};
  const RowStatistics made = tools.optimizer.update(bias, {gradient.data(), 1, out(), unit}, tools);
  counts.bias = made.saturated;
  counts.bias_momentum = made.momentum_saturated;
}

void GoldenLayer::calibrate(LayerState& state, GoldenTools& tools) const {
  keep_scales(state, tools);
  golden_store(rule.store).calibrate(state, {dw.data(), depth(), out(), dw_unit}, node.layer, tools);
}

}  // namespace bitloom
