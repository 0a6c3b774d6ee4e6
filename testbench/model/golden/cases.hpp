#pragma once
#include <cstdint>
#include <random>
#include <string>

#include "model/golden/step.hpp"
#include "model/io/error.hpp"
#include "model/network/init.hpp"
#include "model/rows/isa.hpp"

namespace bitloom::testing {

/// A chain in -> widths[0] -> widths[1] …, with ReLU behind all but the last.
inline Chain make_chain(int in, const std::vector<int>& widths) {
  Chain chain;
  for (std::size_t l = 0; l < widths.size(); ++l) {
    chain.push_back({"fc" + std::to_string(l + 1), in, widths[l], true, l + 1 < widths.size()});
    in = widths[l];
  }
  return chain;
}

inline Recipe make_recipe(int bits, ScaleRule rule) {
  Recipe recipe;
  recipe.name = "test";
  recipe.bits = bits;
  recipe.activation = {Rounding::kHalfUp, rule};
  recipe.gradient = {Rounding::kStochastic, rule};
  return recipe;
}

inline TrainState make_state(const Chain& chain, const Recipe& recipe, std::uint64_t seed) {
  return initial_state(chain, recipe, initial_parameters(chain, seed));
}

inline Batch make_batch(const Chain& chain, const Recipe& recipe, int samples, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const int layers = static_cast<int>(chain.size());
  const int q = qmax(layer_recipe(recipe, 0, layers, chain.front().name).bits);
  Batch batch;
  batch.M = samples;
  batch.scale = nearest_scale(2.0 / q);
  for (int n = 0; n < samples * chain.front().in; ++n) {
    batch.X.push_back(static_cast<std::int8_t>(static_cast<int>(random() % (2 * q + 1)) - q));
  }
  for (int m = 0; m < samples; ++m) {
    batch.labels.push_back(static_cast<std::uint8_t>(random() % static_cast<std::uint64_t>(chain.back().out)));
  }
  return batch;
}

inline StepContext make_context(const TrainState& state, double learning_rate = 0.05) {
  return {0x123456789abcdef0u, state.step, nearest_scale(learning_rate), 58982};
}

/// Why a test of the instruction set in BITLOOM_ISA cannot run here; empty when it can.
inline std::string missing_isa() {
  try {
    active_isa();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace bitloom::testing
