#include "model/golden/state.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "model/golden/state_schema.hpp"
#include "model/golden/store.hpp"
#include "model/io/error.hpp"

namespace bitloom {
namespace {

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

/// Turns [rows][cols] into [cols][rows].
template <class T>
std::vector<T> transposed(const std::vector<T>& from, std::size_t rows, std::size_t cols) {
  std::vector<T> to(from.size());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c) to[c * rows + r] = from[r * cols + c];
  }
  return to;
}

/// Throws Error where the parameters are not those of the node.
void require_parameters(const Node& node, const NodeParameters& parameters) {
  const auto depth = static_cast<std::size_t>(fan_in(node)), out = static_cast<std::size_t>(node.shape[0]);
  if (parameters.weight.size() == depth * out && parameters.bias.size() == (has_bias(node) ? out : 0)) return;
  throw Error("layer " + node.name + ": initial parameters of another shape");
}

/// Returns the words that a tensor starts with which stands for a real parameter.
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

/// Calls visit(index of the node, number of the layer, its rule) for each layer.
template <class Visit>
void for_layers(const Network& network, const Recipe& recipe, const Visit& visit) {
  const std::vector<std::string> names = layer_names(network);
  std::size_t layer = 0;
  for (std::size_t n = 0; n < network.nodes.size(); ++n) {
    if (!has_weights(network.nodes[n])) continue;
    visit(n, layer,
          layer_recipe(recipe, static_cast<int>(layer), static_cast<int>(names.size()), network.nodes[n].name));
    ++layer;
  }
}

/// Returns what a tensor's words stand for, as the real parameter has it.
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

float largest_magnitude(const std::vector<float>& values) {
  float max = 0.0F;
  for (const float value : values) max = std::max(max, std::abs(value));
  return max;
}

std::int32_t to_fixed(float real, int frac_bits, std::int64_t limit) {
  const double scaled = std::floor(std::ldexp(static_cast<double>(real), frac_bits) + 0.5);
  const auto bound = static_cast<double>(limit);
  return static_cast<std::int32_t>(std::clamp(scaled, -bound, bound));
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
  for_layers(network, recipe, [&](std::size_t n, std::size_t layer, const RecipeLayer& rule) {
    const std::vector<float>& weights = parameters[n].weight;
    const auto depth = static_cast<std::size_t>(fan_in(network.nodes[n]));
    golden_store(rule.store)
        .start(transposed(weights, weights.size() / depth, depth), rule, recipe.update, state.layers[layer]);
  });
  return state;
}

std::vector<NodeParameters> real_parameters(const Network& network, const Recipe& recipe, const TrainState& state) {
  std::vector<NodeParameters> all(network.nodes.size());
  for (const StateTensor& tensor : state_schema(network, recipe).tensors) {
    if (tensor.parameter != nullptr)
      all[static_cast<std::size_t>(tensor.handle.node)].*tensor.parameter = real_values(tensor, state);
  }
  for_layers(network, recipe, [&](std::size_t n, std::size_t layer, const RecipeLayer& rule) {
    const std::vector<float> weights = golden_store(rule.store).real_weights(state.layers[layer], recipe.update);
    const auto depth = static_cast<std::size_t>(fan_in(network.nodes[n]));
    if (!weights.empty()) all[n].weight = transposed(weights, depth, weights.size() / depth);
  });
  return all;
}

}  // namespace bitloom
