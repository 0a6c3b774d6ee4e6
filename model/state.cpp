#include "model/state.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "model/error.hpp"

namespace bitloom {
namespace {

/// A real number in units 2^-fraction_bits, rounded half up and limited to ±limit.
std::int32_t to_fixed(float real, int fraction_bits, std::int64_t limit) {
  const double scaled = std::floor(std::ldexp(static_cast<double>(real), fraction_bits) + 0.5);
  const auto bound = static_cast<double>(limit);
  return static_cast<std::int32_t>(std::clamp(scaled, -bound, bound));
}

std::size_t elements(const LinearLayer& layer) {
  return static_cast<std::size_t>(layer.in) * static_cast<std::size_t>(layer.out);
}

LayerState initial_layer(const LinearLayer& layer, const UpdateRule& rule, const LinearParameters& parameters) {
  const auto in = static_cast<std::size_t>(layer.in);
  const auto out = static_cast<std::size_t>(layer.out);
  const std::size_t biases = layer.bias ? out : 0;
  if (parameters.weight.size() != elements(layer) || parameters.bias.size() != biases) {
    throw Error("layer " + layer.name + ": initial parameters of another shape");
  }
  LayerState state;
  state.sx_next = state.sd_next = from_word(kNoScale);
  state.master.resize(elements(layer));
  state.momentum.resize(elements(layer));
  state.bias_momentum.resize(biases);
  for (std::size_t o = 0; o < out; ++o) {
    for (std::size_t i = 0; i < in; ++i) {
      const std::int32_t w = to_fixed(parameters.weight[o * in + i], rule.master_frac_bits, kMasterLimit);
      state.master[i * out + o] = w;
    }
  }
  state.wmax = largest_magnitude(state.master);
  for (const float b : parameters.bias) state.bias.push_back(to_fixed(b, rule.bias_frac_bits, kBiasLimit));
  return state;
}

}  // namespace

std::uint32_t largest_magnitude(const std::vector<std::int32_t>& values) {
  std::int64_t largest = 0;
  for (const std::int32_t value : values) largest = std::max(largest, std::abs(std::int64_t{value}));
  return static_cast<std::uint32_t>(largest);
}

TrainState initial_state(const Chain& chain, const Recipe& recipe, const std::vector<LinearParameters>& parameters) {
  if (parameters.size() != chain.size()) throw Error("initial parameters of another network");
  TrainState state;
  for (std::size_t l = 0; l < chain.size(); ++l) {
    state.layers.push_back(initial_layer(chain[l], recipe.update, parameters[l]));
  }
  return state;
}

std::vector<LinearParameters> real_parameters(const Chain& chain, const Recipe& recipe, const TrainState& state) {
  std::vector<LinearParameters> all;
  for (std::size_t l = 0; l < chain.size(); ++l) {
    const auto in = static_cast<std::size_t>(chain[l].in);
    const auto out = static_cast<std::size_t>(chain[l].out);
    LinearParameters real;
    real.weight.resize(in * out);
    for (std::size_t i = 0; i < in; ++i) {
      for (std::size_t o = 0; o < out; ++o) {
        const auto w = static_cast<double>(state.layers[l].master[i * out + o]);
        real.weight[o * in + i] = static_cast<float>(std::ldexp(w, -recipe.update.master_frac_bits));
      }
    }
    for (const std::int32_t b : state.layers[l].bias) {
      real.bias.push_back(static_cast<float>(std::ldexp(static_cast<double>(b), -recipe.update.bias_frac_bits)));
    }
    all.push_back(std::move(real));
  }
  return all;
}

}  // namespace bitloom
