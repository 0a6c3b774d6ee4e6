#include "model/golden/engine.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/golden/record.hpp"
#include "model/io/error.hpp"

namespace bitloom {
namespace {

bool fits(const AdamState& adam, std::size_t count, std::size_t columns) {
  return adam.m.size() == count && adam.r.size() == count && adam.blocks.size() == columns;
}

}  // namespace

bool GoldenEngine::Impl::layer_fits(const GoldenLayer& layer, const LayerState& of) const {
  const std::size_t weights = layer.depth() * layer.out();
  const std::size_t biases = layer.node.bias ? layer.out() : 0;
  const bool adam = uses_adam(tools.recipe.update.optimizer);
  if (of.bias.size() != biases) return false;
  if (adam ? !fits(of.bias_adam, biases, biases) : of.bias_momentum.size() != biases) return false;
  if (tools.accumulates() &&
      (of.buffer.size() != weights || of.buffer_step.size() != layer.out() || of.bias_sum.size() != biases)) {
    return false;
  }
  switch (layer.rule.optimizer) {
    case Optimizer::kLwq:
      return latent_fits(weights, of) && of.momentum.size() == weights;
    case Optimizer::kLwqAdam:
      return latent_fits(weights, of) && fits(of.adam, weights, layer.out());
    case Optimizer::kNiti:
      return of.q.size() == weights && is_scale(of.sw);
    case Optimizer::kAdam:
      return of.master.size() == weights && fits(of.adam, weights, layer.out());
    case Optimizer::kSgd:
      break;
  }
  return of.master.size() == weights && of.momentum.size() == weights;
}

/// Of LWQ's weights.
bool GoldenEngine::Impl::latent_fits(std::size_t weights, const LayerState& of) const {
  const bool whole = tools.recipe.update.latent_bits == 24;
  return of.q.size() == weights && is_scale(of.sw) && of.latent.size() == (whole ? weights : 0) &&
         of.residual.size() == (whole ? 0 : weights);
}

bool GoldenEngine::Impl::norm_fits(std::size_t norm, const NormState& of) const {
  const std::size_t channels = graph.nodes[size_of(graph.norm_nodes[norm])].cols;
  const std::size_t running = tools.recipe.normalization == Normalization::kLayerBatch ? 1 : channels;
  const bool adam = uses_adam(tools.recipe.update.optimizer);
  const bool momenta = adam ? fits(of.gamma_adam, channels, channels) && fits(of.beta_adam, channels, channels)
                            : of.gamma_momentum.size() == channels && of.beta_momentum.size() == channels;
  if (tools.accumulates() && (of.gamma_sum.size() != channels || of.beta_sum.size() != channels)) return false;
  return momenta && of.gamma.size() == channels && of.beta.size() == channels && of.run_mean.size() == running &&
         of.run_var.size() == running;
}

void GoldenEngine::Impl::require_state(const TrainState& state) const {
  bool fit = state.layers.size() == layers.size() && state.norms.size() == norms.size();
  for (std::size_t l = 0; fit && l < layers.size(); ++l) fit = layer_fits(layers[l], state.layers[l]);
  for (std::size_t i = 0; fit && i < norms.size(); ++i) fit = norm_fits(i, state.norms[i]);
  if (!fit) throw Error("golden step: the state has another shape than the network");
}

void GoldenEngine::Impl::require_batch(const Batch& of) const {
  bitloom::require_batch(source, tools.recipe, graph.facts, of.M);
  const bool fit =
      of.labels.size() == size_of(of.M) && of.X.size() == size_of(of.M) * graph.input_elements && is_scale(of.scale);
  if (!fit) throw Error("golden step: the batch does not fit the network");
  const auto beyond = [this](std::uint8_t label) { return int{label} >= graph.classes; };
  if (std::any_of(of.labels.begin(), of.labels.end(), beyond)) throw Error("golden step: a label is out of range");
}

bool GoldenEngine::Impl::has_scales(const TrainState& state) const {
  for (std::size_t l = 0; l < layers.size(); ++l) {
    if (!layers[l].has_scales(state.layers[l])) return false;
  }
  return true;
}

void GoldenEngine::Impl::record_node(std::size_t n, StepRecord& to) const {
  const GoldenNode& node = graph.nodes[n];
  const std::string name = node.name + ".";
  to.tensors[name + "z_raw"] = named(z[n]);
  to.tensors[name + "d_raw"] = named(g[n]);
  to.scalars[name + "zmax"] = z[n].magnitude();
  to.scalars[name + "dmax"] = g[n].magnitude();
  if (node.relu) {
    NamedTensor mask = named(z[n]);
    mask.bits = 1;
    mask.kind = CodeKind::kUnsigned;
    for (std::int32_t& value : mask.values) value = value > 0 ? 1 : 0;
    to.tensors[name + "mask"] = std::move(mask);
  }
  if (!winners[n].empty()) {
    to.tensors[name + "argmax"] = {static_cast<int>(z[n].rows),
                                   static_cast<int>(z[n].cols),
                                   8,
                                   {winners[n].begin(), winners[n].end()},
                                   CodeKind::kUnsigned};
  }
  if (graph.facts.chain) return;
  to.scalars[name + "dunit"] = word(g[n].unit);
  to.scalars[name + "d_rawsat"] = counter(g_saturated[n]);
  if (node.layer >= 0) return;
  to.scalars[name + "unit"] = word(z[n].unit);
  to.scalars[name + "zsat"] = counter(z_saturated[n]);
}

void GoldenEngine::Impl::record(const TrainState& state, StepRecord& to) const {
  to = {};
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    record_node(n, to);
    const GoldenNode& node = graph.nodes[n];
    if (node.layer >= 0) record_layer(layers[size_of(node.layer)], state.layers[size_of(node.layer)], tools, to);
    if (node.norm >= 0) norms[size_of(node.norm)].record(state.norms[size_of(node.norm)], to);
  }
  to.scalars["loss"] = tools.totals.loss;
  to.scalars["correct"] = tools.totals.correct;
  to.scalars["scale_sat"] = counter(tools.totals.scale_saturated);
  if (!uses_adam(tools.recipe.update.optimizer)) return;
  to.scalars["adam_pow1"] = state.powers.beta1.word();
  to.scalars["adam_pow2"] = state.powers.beta2.word();
}

}  // namespace bitloom
