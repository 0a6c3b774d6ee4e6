#include "model/golden/state.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "model/golden/state_schema.hpp"
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
  std::uint64_t uncounted = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double steps = static_cast<double>(weights[i]) / value(state.sw) * 65536.0;
    const auto latent = static_cast<std::int64_t>(std::floor(steps + 0.5));
    if (rule.latent_bits == 24) {
      state.latent[i] = limit_latent(latent, limit, uncounted);
      state.q[i] = integer_weight(state.latent[i]);
      continue;
    }
    const LatentCode code =
        polyline_encode(latent, state.level_read, 0, Rounding::kHalfUp, limit, uncounted, rule.latent_bits);
    state.q[i] = code.q;
    state.residual[i] = code.s;
  }
}

/// N24.3: int8 codes with the smallest power-of-two scale that holds the largest weight.
void initial_niti(const std::vector<float>& weights, LayerState& state) {
  const double max = static_cast<double>(largest(weights));
  int f = 0;  // scale 2^-f
  while (f < 40 && max > 0.0 && std::ldexp(kQmax8, -(f + 1)) >= max) ++f;
  while (f > -15 && std::ldexp(kQmax8, -f) < max) --f;
  state.sw = power_of_two(f);
  for (std::size_t i = 0; i < weights.size(); ++i)
    state.q[i] = static_cast<std::int8_t>(to_fixed(weights[i], f, kQmax8));
}

/// Throws Error where the parameters are not those of the node.
void require_parameters(const Node& node, const NodeParameters& parameters) {
  const auto depth = static_cast<std::size_t>(fan_in(node)), out = static_cast<std::size_t>(node.shape[0]);
  const bool has_bias = node.op == Op::kConv2d ? std::get<Conv2dAttributes>(node.attributes).bias
                                               : std::get<LinearAttributes>(node.attributes).bias;
  if (parameters.weight.size() == depth * out && parameters.bias.size() == (has_bias ? out : 0)) return;
  throw Error("layer " + node.name + ": initial parameters of another shape");
}

/// The words that a tensor starts with which stands for a real parameter.
std::vector<std::int32_t> initial_words(const StateTensor& tensor, const NodeParameters& parameters) {
  std::vector<float> reals = parameters.*tensor.parameter;
  const bool fits = reals.size() == tensor.size();
  if (!fits) reals.assign(tensor.size(), static_cast<float>(tensor.start));
  if (tensor.coding == StateCoding::kInteger) {
    if (!fits) throw Error(tensor.name + ": initial parameters of another shape");
    if (tensor.matrix) {
      reals = transposed(reals, static_cast<std::size_t>(tensor.cols), static_cast<std::size_t>(tensor.rows));
    }
    return all_to_fixed(reals, tensor.frac_bits, tensor.limits.high);
  }
  std::vector<std::int32_t> words;
  for (const float real : reals) {
    words.push_back(static_cast<std::int32_t>(real_constant(static_cast<double>(real)).word()));
  }
  return words;
}

/// What a layer's store makes of the real weights [out][K] beside the tensors that stand for a parameter.
void initial_codes(const Node& node, const RecipeLayer& rule, const UpdateRule& update,
                   const NodeParameters& parameters, LayerState& state) {
  const auto depth = static_cast<std::size_t>(fan_in(node));
  const std::vector<float> weights = transposed(parameters.weight, parameters.weight.size() / depth, depth);
  if (rule.store == WeightStore::kLatent) {
    initial_lwq(weights, update, qmax(rule.width(rule.weight)), state);
  } else if (rule.store == WeightStore::kInteger) {
    initial_niti(weights, state);
  } else {
    state.wmax = largest_magnitude(state.master);
  }
}

bool has_weights(const Node& node) { return node.op == Op::kLinear || node.op == Op::kConv2d; }

/// The integer weights of a layer as real numbers, [K][out].
std::vector<float> real_codes(const LayerState& layer, const UpdateRule& rule) {
  const bool lwq = !layer.residual.empty() || !layer.latent.empty();
  std::vector<float> weights;
  for (std::size_t i = 0; i < layer.q.size(); ++i) {
    const double steps = lwq ? latent_weight(layer, i, rule) / 65536.0 : static_cast<double>(layer.q[i]);
    weights.push_back(static_cast<float>(steps * value(layer.sw)));
  }
  return weights;
}

/// What a tensor's words stand for, as the real parameter has it.
std::vector<float> real_values(const StateTensor& tensor, const TrainState& state) {
  const std::vector<std::int32_t> words = tensor.read(state);
  if (tensor.coding == StateCoding::kInteger) {
    std::vector<float> reals = all_to_real(words, tensor.frac_bits);
    if (!tensor.matrix) return reals;
    return transposed(reals, static_cast<std::size_t>(tensor.rows), static_cast<std::size_t>(tensor.cols));
  }
  std::vector<float> reals;
  for (const std::int32_t word : words) {
    reals.push_back(static_cast<float>(value(Real::from_word(static_cast<std::uint32_t>(word)))));
  }
  return reals;
}

}  // namespace

std::uint32_t largest_magnitude(const std::vector<std::int32_t>& values) {
  std::int64_t largest = 0;
  for (const std::int32_t value : values) largest = std::max(largest, std::abs(std::int64_t{value}));
  return static_cast<std::uint32_t>(largest);
}

std::int32_t latent_weight(const LayerState& layer, std::size_t i, const UpdateRule& rule) {
  if (!layer.latent.empty()) return layer.latent[i];
  return polyline_decode({layer.q[i], layer.residual[i]}, layer.level_read, rule.latent_bits);
}

TrainState initial_state(const Network& network, const Recipe& recipe, const std::vector<NodeParameters>& parameters) {
  if (parameters.size() != network.nodes.size()) throw Error("initial parameters of another network");
  for (std::size_t n = 0; n < network.nodes.size(); ++n) {
    if (has_weights(network.nodes[n])) require_parameters(network.nodes[n], parameters[n]);
  }
  const StateSchema schema = state_schema(network, recipe);
  TrainState state = schema.zeros();
  for (const StateTensor& tensor : schema.tensors) {
    if (tensor.parameter != nullptr)
      tensor.write(state, initial_words(tensor, parameters[static_cast<std::size_t>(tensor.handle.node)]));
  }
  int layer = 0;
  for (std::size_t n = 0; n < network.nodes.size(); ++n) {
    const Node& node = network.nodes[n];
    if (!has_weights(node)) continue;
    const RecipeLayer rule = layer_recipe(recipe, layer, static_cast<int>(schema.layers), node.name);
    initial_codes(node, rule, recipe.update, parameters[n], state.layers[static_cast<std::size_t>(layer)]);
    ++layer;
  }
  return state;
}

std::vector<NodeParameters> real_parameters(const Network& network, const Recipe& recipe, const TrainState& state) {
  std::vector<NodeParameters> all(network.nodes.size());
  for (const StateTensor& tensor : state_schema(network, recipe).tensors) {
    if (tensor.parameter != nullptr)
      all[static_cast<std::size_t>(tensor.handle.node)].*tensor.parameter = real_values(tensor, state);
  }
  std::size_t layer = 0;
  for (std::size_t n = 0; n < network.nodes.size(); ++n) {
    if (!has_weights(network.nodes[n])) continue;
    const LayerState& of = state.layers[layer++];
    if (of.q.empty()) continue;
    const std::vector<float> weights = real_codes(of, recipe.update);
    const auto depth = static_cast<std::size_t>(fan_in(network.nodes[n]));
    all[n].weight = transposed(weights, depth, weights.size() / depth);
  }
  return all;
}

}  // namespace bitloom
