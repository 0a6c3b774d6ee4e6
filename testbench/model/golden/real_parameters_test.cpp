// What a checkpoint holds as real weights, for each store of weights, against the values that the numerics give the
// codes.
#include <gtest/gtest.h>

#include <cmath>

#include "model/golden/state.hpp"
#include "model/io/traces.hpp"
#include "model/network/init.hpp"
#include "testbench/model/numerics/spec_polyline.hpp"
#include "testbench/model/perceptron.hpp"

namespace bitloom {
namespace {

constexpr int kIn = 13, kOut = 7;

struct Case {
  const char* recipe;
  int latent_bits = 0;  ///< 0: as the recipe has it
};

class RealParameters : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    recipe = read_recipe(resolve_trace(TraceKind::kRecipe, GetParam().recipe));
    if (GetParam().latent_bits != 0) recipe.update.latent_bits = GetParam().latent_bits;
    initial = initial_parameters(network, 5);
    state = initial_state(network, recipe, initial);
  }
  /// The value of weight i of the first layer, by its codes.
  double by_codes(std::size_t i) const {
    const LayerState& layer = state.layers[0];
    if (recipe.update.store == WeightStore::kMaster)
      return std::ldexp(layer.master[i], -recipe.update.master_frac_bits);
    if (recipe.update.store == WeightStore::kInteger) return layer.q[i] * value(layer.sw);
    if (recipe.update.latent_bits == 24) return layer.latent[i] / 65536.0 * value(layer.sw);
    const auto latent =
        spec::latent_value({layer.q[i], layer.residual[i]}, layer.level_read, recipe.update.latent_bits);
    return static_cast<double>(latent) / 65536.0 * value(layer.sw);
  }

  Network network = test::perceptron(kIn, {kOut, 3});
  Recipe recipe;
  std::vector<NodeParameters> initial;
  TrainState state;
};

TEST_P(RealParameters, AreTheValuesOfTheCodes) {
  const std::vector<float> weights = real_parameters(network, recipe, state)[0].weight;
  ASSERT_EQ(weights.size(), std::size_t{kIn * kOut});
  bool some = false;
  for (std::size_t k = 0; k < kIn; ++k) {
    for (std::size_t o = 0; o < kOut; ++o) {
      EXPECT_FLOAT_EQ(weights[o * kIn + k], static_cast<float>(by_codes(k * kOut + o)));
      some = some || weights[o * kIn + k] != 0.0F;
    }
  }
  EXPECT_TRUE(some);
}

TEST_P(RealParameters, AreNearWhatTheyBeganAs) {
  const std::vector<float> weights = real_parameters(network, recipe, state)[0].weight;
  float largest = 0;
  for (const float weight : initial[0].weight) largest = std::max(largest, std::abs(weight));
  for (std::size_t i = 0; i < weights.size(); ++i) EXPECT_NEAR(weights[i], initial[0].weight[i], largest / 8) << i;
}

INSTANTIATE_TEST_SUITE_P(Stores, RealParameters,
                         testing::Values(Case{"int8"}, Case{"lwq"}, Case{"lwq", 8}, Case{"lwq_master24"}, Case{"niti"}),
                         [](const auto& named) {
                           return std::string(named.param.recipe) + std::to_string(named.param.latent_bits);
                         });

}  // namespace
}  // namespace bitloom
