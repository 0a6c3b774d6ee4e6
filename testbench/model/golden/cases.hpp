#pragma once
#include <cstdint>
#include <random>
#include <string>

#include "model/golden/step.hpp"
#include "model/io/error.hpp"
#include "model/network/init.hpp"
#include "model/rows/isa.hpp"
#include "testbench/model/perceptron.hpp"

namespace bitloom::testing {

using test::linear_layers;
using test::LinearLayer;
using test::perceptron;

inline Recipe make_recipe(int bits, ScaleRule rule) {
  Recipe recipe;
  recipe.name = "test";
  recipe.bits = bits;
  recipe.activation = {Rounding::kHalfUp, rule};
  recipe.gradient = {Rounding::kStochastic, rule};
  return recipe;
}

inline TrainState make_state(const Network& network, const Recipe& recipe, std::uint64_t seed) {
  return initial_state(network, recipe, initial_parameters(network, seed));
}

inline Batch make_batch(const Network& network, const Recipe& recipe, int samples, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const int q = input_format(network, recipe, {}).largest_code;
  Batch batch;
  batch.M = samples;
  batch.scale = nearest_scale(2.0 / q);
  for (std::int64_t n = 0; n < samples * element_count(network.input); ++n) {
    batch.X.push_back(static_cast<std::int8_t>(static_cast<int>(random() % (2 * q + 1)) - q));
  }
  const auto classes = static_cast<std::uint64_t>(element_count(network.nodes.back().shape));
  for (int m = 0; m < samples; ++m) {
    batch.labels.push_back(static_cast<std::uint8_t>(random() % classes));
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
