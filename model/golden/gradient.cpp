// The backward half of a layer: codes of the gradient, both gradient GEMMs and the update.
#include <algorithm>

#include "model/golden/buffer.hpp"
#include "model/golden/layer.hpp"
#include "model/golden/quantizer.hpp"
#include "model/golden/update.hpp"
#include "model/network/step_config.hpp"
#include "model/numerics/log_code.hpp"
#include "model/numerics/niti.hpp"
#include "model/numerics/polyline.hpp"

namespace bitloom {
namespace {

std::size_t size_of(int extent) { return static_cast<std::size_t>(extent); }

}  // namespace

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
  if (!tools.accumulates()) {
    update_weights(state, dw, dw_unit, tools);
    if (node.bias) update_bias(state, db, db_unit, tools);
  } else {
    counts.buffer = accumulate_weights(state, dw.data(), depth(), out(), dw_unit, node.layer, tools);
    if (node.bias) counts.buffer += accumulate_vector(state.bias_sum, db, db_unit, tools);
    lwq = {};
    if (tools.micro_batch.last) {
      dw_mean = mean_of_weights(state, depth(), out(), tools);
      update_weights(state, dw_mean.data, dw_mean.unit, tools);
      if (node.bias) update_bias(state, state.bias_sum, unit_of_vector(tools), tools);
    }
  }
  if (hindsight_x()) state.sx_next = sx_next;
  if (hindsight_d()) state.sd_next = sd_next;
  if (hindsight_log()) state.mhat = log_hindsight_next(state.mhat, d_max, d_unit);
}

void GoldenLayer::update_weights(LayerState& state, const std::vector<std::int32_t>& gradient, Scale unit,
                                 GoldenTools& tools) {
  if (rule.store == WeightStore::kLatent) {
    lwq = update_lwq(state, gradient.data(), depth(), out(), unit, qmax(rule.width(rule.weight)), node.layer, tools);
    counts.master = lwq.saturated;
    counts.momentum = lwq.momentum_saturated;
  } else if (rule.store == WeightStore::kInteger) {
    const auto max = static_cast<std::uint32_t>(tools.ops.max_of(gradient.data(), gradient.size()));
    const int bits = gradient_bits_at(tools.recipe.update, tools.context.epoch);
    counts.master =
        tools.ops.niti_update(state.q.data(), gradient.data(), gradient.size(), niti_shift(max, bits), bits);
  } else {
    const UpdateRule& update = tools.recipe.update;
    const FixedTensor weights{
        state.master, state.momentum,     state.adam, update.master_frac_bits, qmax(update.master_bits),
        node.layer,   TensorKind::kWeight};
    const RowStatistics statistics = update_fixed(weights, gradient.data(), depth(), out(), unit, tools);
    state.wmax = static_cast<std::uint32_t>(statistics.max);
    counts.master = statistics.saturated;
    counts.momentum = statistics.momentum_saturated;
  }
}

void GoldenLayer::update_bias(LayerState& state, const std::vector<std::int32_t>& gradient, Scale unit,
                              GoldenTools& tools) {
  const FixedTensor bias{state.bias, state.bias_momentum, state.bias_adam,  tools.recipe.update.bias_frac_bits,
                         kBiasLimit, node.layer,          TensorKind::kBias};
  const RowStatistics statistics = update_fixed(bias, gradient.data(), 1, out(), unit, tools);
  counts.bias = statistics.saturated;
  counts.bias_momentum = statistics.momentum_saturated;
}

void GoldenLayer::calibrate(LayerState& state, GoldenTools& tools) const {
  if (hindsight_x()) state.sx_next = sx;
  if (hindsight_d()) state.sd_next = sd;
  if (hindsight_log()) state.mhat = rmul(from_int(std::max(1U, d_max)), from_scale(d_unit));
  if (rule.store != WeightStore::kLatent || tools.recipe.update.optimizer != Optimizer::kSgd) return;
  const auto max = static_cast<std::uint32_t>(tools.ops.max_of(dw.data(), dw.size()));
  state.sv_next = state.sv = lwq_momentum_scale(max, dw_unit, tools.totals.scale_saturated);
}

}  // namespace bitloom
