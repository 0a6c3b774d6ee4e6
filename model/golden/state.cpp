#include "model/golden/state.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "model/io/error.hpp"
#include "model/numerics/polyline.hpp"

namespace bitloom {
namespace {

constexpr int kQmax8 = qmax(8);

/// A real number in units 2^-fraction_bits, rounded half up and limited to ±limit.
std::int32_t to_fixed(float real, int fraction_bits, std::int64_t limit) {
  const double scaled = std::floor(std::ldexp(static_cast<double>(real), fraction_bits) + 0.5);
  const auto bound = static_cast<double>(limit);
  return static_cast<std::int32_t>(std::clamp(scaled, -bound, bound));
}

std::vector<std::int32_t> all_to_fixed(const std::vector<float>& reals, int fraction_bits, std::int64_t limit) {
  std::vector<std::int32_t> fixed;
  for (const float real : reals) fixed.push_back(to_fixed(real, fraction_bits, limit));
  return fixed;
}

std::vector<float> all_to_real(const std::vector<std::int32_t>& fixed, int fraction_bits) {
  std::vector<float> reals;
  for (const std::int32_t v : fixed) {
    reals.push_back(static_cast<float>(std::ldexp(static_cast<double>(v), -fraction_bits)));
  }
  return reals;
}

/// [rows][cols] to [cols][rows].
template <class T>
std::vector<T> transposed(const std::vector<T>& from, std::size_t rows, std::size_t cols) {
  std::vector<T> to(from.size());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c) to[c * rows + r] = from[r * cols + c];
  }
  return to;
}

AdamState initial_adam(std::size_t count, std::size_t columns) {
  return {std::vector<std::int32_t>(count), std::vector<std::int32_t>(count), std::vector<AdamBlock>(columns)};
}

float largest(const std::vector<float>& values) {
  float max = 0.0F;
  for (const float value : values) max = std::max(max, std::abs(value));
  return max;
}

/// N23.1: the fixed scale, and the nearest latent weights that the codes hold.
void initial_lwq(const std::vector<float>& weights, const UpdateRule& rule, int limit, LayerState& state) {
  const float max = largest(weights);
  state.sw = nearest_scale(max > 0.0F ? static_cast<double>(max) * rule.headroom / limit : 1.0);
  state.level_read = state.level_write = rule.min_level;
  state.sv = kOne;
  state.sv_next = from_word(kNoScale);
  if (rule.optimizer == Optimizer::kLwq) state.momentum.resize(weights.size());
  std::uint64_t uncounted = 0;
  for (const float w : weights) {
    const double steps = static_cast<double>(w) / value(state.sw) * 65536.0;
    const auto latent = static_cast<std::int64_t>(std::floor(steps + 0.5));
    if (rule.latent_bits == 24) {
      state.latent.push_back(limit_latent(latent, limit, uncounted));
      state.q.push_back(integer_weight(state.latent.back()));
      continue;
    }
    const LatentCode code = polyline_encode(latent, state.level_read, 0, Rounding::kHalfUp, limit, uncounted);
    state.q.push_back(code.q);
    state.residual.push_back(code.s);
  }
}

/// N24.3: int8 codes with the smallest power-of-two scale that holds the largest weight.
void initial_niti(const std::vector<float>& weights, LayerState& state) {
  const double max = static_cast<double>(largest(weights));
  int f = 0;  // scale 2^-f
  while (f < 40 && max > 0.0 && std::ldexp(kQmax8, -(f + 1)) >= max) ++f;
  while (f > -15 && std::ldexp(kQmax8, -f) < max) --f;
  state.sw = power_of_two(f);
  for (const float w : weights) state.q.push_back(static_cast<std::int8_t>(to_fixed(w, f, kQmax8)));
}

LayerState initial_layer(const Node& node, const RecipeLayer& rule, const UpdateRule& update,
                         const NodeParameters& parameters) {
  const auto depth = static_cast<std::size_t>(fan_in(node));
  const bool conv = node.op == Op::kConv2d;
  const int out_channels =
      conv ? std::get<Conv2dAttributes>(node.attributes).out : std::get<LinearAttributes>(node.attributes).out;
  const bool has_bias =
      conv ? std::get<Conv2dAttributes>(node.attributes).bias : std::get<LinearAttributes>(node.attributes).bias;
  const auto out = static_cast<std::size_t>(out_channels);
  const std::size_t biases = has_bias ? out : 0;
  if (parameters.weight.size() != depth * out || parameters.bias.size() != biases) {
    throw Error("layer " + node.name + ": initial parameters of another shape");
  }
  const std::vector<float> weights = transposed(parameters.weight, out, depth);  // to [K][out]
  LayerState state;
  state.sx_next = state.sd_next = from_word(kNoScale);
  state.bias = all_to_fixed(parameters.bias, update.bias_frac_bits, kBiasLimit);
  const bool adam = uses_adam(update.optimizer);
  (adam ? state.bias_adam.m : state.bias_momentum).resize(biases);
  if (adam) state.bias_adam = initial_adam(biases, biases);
  if (update.micro_batches > 0) {
    state.buffer.resize(weights.size());
    state.buffer_step.resize(out);
    state.bias_sum.resize(biases);
  }
  if (keeps_latent(rule.optimizer)) {
    initial_lwq(weights, update, qmax(rule.width(rule.weight)), state);
    if (adam) state.adam = initial_adam(weights.size(), out);
  } else if (rule.optimizer == Optimizer::kNiti) {
    initial_niti(weights, state);
  } else {
    state.master = all_to_fixed(weights, update.master_frac_bits, kMasterLimit);
    state.wmax = largest_magnitude(state.master);
    if (adam) {
      state.adam = initial_adam(weights.size(), out);
    } else {
      state.momentum.resize(weights.size());
    }
  }
  return state;
}

NormState initial_norm(const Recipe& recipe, const NodeParameters& parameters) {
  NormState state;
  const std::size_t channels = parameters.gamma.size();
  state.gamma = all_to_fixed(parameters.gamma, kNormFracBits, kBiasLimit);
  state.beta = all_to_fixed(parameters.beta, kNormFracBits, kBiasLimit);
  if (uses_adam(recipe.update.optimizer)) {
    state.gamma_adam = initial_adam(channels, channels);
    state.beta_adam = initial_adam(channels, channels);
  } else {
    state.gamma_momentum.resize(channels);
    state.beta_momentum.resize(channels);
  }
  if (recipe.update.micro_batches > 0) {
    state.gamma_sum.resize(channels);
    state.beta_sum.resize(channels);
  }
  const std::size_t running = recipe.normalization == Normalization::kLayerBatch ? 1 : channels;
  const auto of = [&](const std::vector<float>& from, double otherwise) {
    std::vector<Real> reals(running, real_constant(otherwise));
    for (std::size_t i = 0; from.size() == running && i < running; ++i) {
      reals[i] = real_constant(static_cast<double>(from[i]));
    }
    return reals;
  };
  state.run_mean = of(parameters.running_mean, 0.0);
  state.run_var = of(parameters.running_variance, 1.0);
  return state;
}

bool has_weights(const Node& node) { return node.op == Op::kLinear || node.op == Op::kConv2d; }

/// Weights of a layer as real numbers, [K][out].
std::vector<float> real_weights(const LayerState& layer, const UpdateRule& update) {
  if (!layer.master.empty()) return all_to_real(layer.master, update.master_frac_bits);
  const bool lwq = !layer.residual.empty() || !layer.latent.empty();
  std::vector<float> weights;
  for (std::size_t i = 0; i < layer.q.size(); ++i) {
    const double steps = lwq ? latent_weight(layer, i) / 65536.0 : static_cast<double>(layer.q[i]);
    weights.push_back(static_cast<float>(steps * value(layer.sw)));
  }
  return weights;
}

std::vector<float> real_values(const std::vector<Real>& values) {
  std::vector<float> reals;
  for (const Real v : values) reals.push_back(static_cast<float>(value(v)));
  return reals;
}

}  // namespace

std::uint32_t largest_magnitude(const std::vector<std::int32_t>& values) {
  std::int64_t largest = 0;
  for (const std::int32_t value : values) largest = std::max(largest, std::abs(std::int64_t{value}));
  return static_cast<std::uint32_t>(largest);
}

std::int32_t latent_weight(const LayerState& layer, std::size_t i) {
  if (!layer.latent.empty()) return layer.latent[i];
  return polyline_decode({layer.q[i], layer.residual[i]}, layer.level_read);
}

TrainState initial_state(const Network& network, const Recipe& recipe, const std::vector<NodeParameters>& parameters) {
  if (parameters.size() != network.nodes.size()) throw Error("initial parameters of another network");
  const int layers = static_cast<int>(layer_names(network).size());
  TrainState state;
  for (std::size_t n = 0; n < network.nodes.size(); ++n) {
    const Node& node = network.nodes[n];
    if (has_weights(node)) {
      const RecipeLayer rule = layer_recipe(recipe, static_cast<int>(state.layers.size()), layers, node.name);
      state.layers.push_back(initial_layer(node, rule, recipe.update, parameters[n]));
    } else if (node.op == Op::kBatchNorm) {
      state.norms.push_back(initial_norm(recipe, parameters[n]));
    }
  }
  return state;
}

std::vector<NodeParameters> real_parameters(const Network& network, const Recipe& recipe, const TrainState& state) {
  std::vector<NodeParameters> all(network.nodes.size());
  std::size_t layer = 0, norm = 0;
  for (std::size_t n = 0; n < network.nodes.size(); ++n) {
    const Node& node = network.nodes[n];
    if (has_weights(node)) {
      const LayerState& of = state.layers[layer++];
      const auto depth = static_cast<std::size_t>(fan_in(node));
      const std::vector<float> weights = real_weights(of, recipe.update);
      all[n].weight = transposed(weights, depth, weights.size() / depth);
      all[n].bias = all_to_real(of.bias, recipe.update.bias_frac_bits);
    } else if (node.op == Op::kBatchNorm) {
      const NormState& of = state.norms[norm++];
      all[n].gamma = all_to_real(of.gamma, kNormFracBits);
      all[n].beta = all_to_real(of.beta, kNormFracBits);
      all[n].running_mean = real_values(of.run_mean);
      all[n].running_variance = real_values(of.run_var);
    }
  }
  return all;
}

}  // namespace bitloom
