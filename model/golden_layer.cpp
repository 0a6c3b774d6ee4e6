#include "model/golden_layer.hpp"

#include <algorithm>
#include <limits>
#include <string>

namespace bitloom {
namespace {

std::uint32_t counter(std::uint64_t count) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(count, std::numeric_limits<std::uint32_t>::max()));
}

template <class T>
NamedTensor tensor(int rows, int cols, int bits, const std::vector<T>& values) {
  return {rows, cols, bits, {values.begin(), values.end()}};
}

/// 1 where the layer's output is above 0 (N5.2).
NamedTensor mask_of(const GoldenLayer& layer, int samples) {
  NamedTensor mask = tensor(samples, layer.facts.out, 1, layer.z);
  for (std::int32_t& value : mask.values) value = value > 0 ? 1 : 0;
  return mask;
}

void record_tensors(const GoldenLayer& layer, const Batch& batch, bool first, const LayerState& state,
                    std::map<std::string, NamedTensor>& tensors) {
  const int in = layer.facts.in;
  const int out = layer.facts.out;
  const std::string name = layer.facts.name + ".";
  tensors[name + "x"] = tensor(batch.M, in, layer.bits, first ? batch.X : layer.x);
  tensors[name + "w"] = tensor(in, out, layer.bits, layer.w);
  tensors[name + "d"] = tensor(batch.M, out, layer.bits, layer.d);
  tensors[name + "z_raw"] = tensor(batch.M, out, 32, layer.z);
  tensors[name + "d_raw"] = tensor(batch.M, out, 32, layer.g);
  tensors[name + "dw"] = tensor(in, out, 32, layer.dw);
  tensors[name + "master"] = tensor(in, out, 32, state.master);
  tensors[name + "momentum"] = tensor(in, out, 16, state.momentum);
  if (layer.facts.relu) tensors[name + "mask"] = mask_of(layer, batch.M);
  if (!layer.facts.bias) return;
  tensors[name + "b_acc"] = tensor(1, out, 32, layer.b_acc);
  tensors[name + "db"] = tensor(1, out, 32, layer.db);
  tensors[name + "bias"] = tensor(1, out, 32, state.bias);
  tensors[name + "bias_momentum"] = tensor(1, out, 16, state.bias_momentum);
}

void record_scalars(const GoldenLayer& layer, bool first, const LayerState& state, const Recipe& recipe,
                    std::map<std::string, std::uint32_t>& scalars) {
  const std::string name = layer.facts.name + ".";
  scalars[name + "sx"] = word(layer.sx);
  scalars[name + "sw"] = word(layer.sw);
  scalars[name + "sd"] = word(layer.sd);
  scalars[name + "s_acc"] = word(layer.s_acc);
  if (!first && recipe.activation.scale == ScaleRule::kHindsight) scalars[name + "sx_next"] = word(state.sx_next);
  if (recipe.gradient.scale == ScaleRule::kHindsight) scalars[name + "sd_next"] = word(state.sd_next);
  scalars[name + "zmax"] = static_cast<std::uint32_t>(layer.zmax);
  scalars[name + "dmax"] = static_cast<std::uint32_t>(layer.gmax);
  scalars[name + "wmax"] = state.wmax;
  if (!first) scalars[name + "xsat"] = counter(layer.counts.x);
  scalars[name + "wsat"] = counter(layer.counts.w);
  scalars[name + "dsat"] = counter(layer.counts.d);
  scalars[name + "zsat"] = counter(layer.counts.z);
  scalars[name + "d_rawsat"] = 0;
  scalars[name + "dwsat"] = 0;
  scalars[name + "msat"] = counter(layer.counts.master);
  scalars[name + "vsat"] = counter(layer.counts.momentum);
  if (!layer.facts.bias) return;
  scalars[name + "ratio_b"] = word(layer.ratio_b);
  scalars[name + "b_accsat"] = counter(layer.counts.b_acc);
  scalars[name + "dbsat"] = 0;
  scalars[name + "bsat"] = counter(layer.counts.bias);
  scalars[name + "bvsat"] = counter(layer.counts.bias_momentum);
}

}  // namespace

GoldenLayer::GoldenLayer(const LinearLayer& the_facts, int the_bits)
    : facts(the_facts), bits(the_bits), q(qmax(the_bits)) {
  const auto in = static_cast<std::size_t>(facts.in);
  const auto out = static_cast<std::size_t>(facts.out);
  w.resize(in * out);
  dw.resize(in * out);
  b_acc.resize(out);
  db.resize(out);
}

void GoldenLayer::begin(std::size_t samples, bool own_x) {
  const std::size_t outputs = samples * static_cast<std::size_t>(facts.out);
  x.resize(own_x ? samples * static_cast<std::size_t>(facts.in) : 0);
  d.resize(outputs);
  z.resize(outputs);
  g.resize(outputs);
  counts = {};
}

void record_step(const std::vector<GoldenLayer>& layers, const Batch& batch, const TrainState& state,
                 const Recipe& recipe, const GoldenTotals& totals, StepRecord& record) {
  record = {};
  for (std::size_t l = 0; l < layers.size(); ++l) {
    record_tensors(layers[l], batch, l == 0, state.layers[l], record.tensors);
    record_scalars(layers[l], l == 0, state.layers[l], recipe, record.scalars);
  }
  record.scalars["loss"] = totals.loss;
  record.scalars["correct"] = totals.correct;
  record.scalars["scale_sat"] = counter(totals.scale_saturated);
}

}  // namespace bitloom
