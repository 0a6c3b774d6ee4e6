// What a step does to its state, by every recipe, against loops over the element functions of N9, N23, N24 and N25 that
// draw each random word by itself: the engine's vector loops, its order of elements and its streams are on trial here.
#include "testbench/model/golden/update_judge.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "model/golden/step.hpp"
#include "model/io/traces.hpp"
#include "testbench/model/golden/cases.hpp"

namespace bitloom::testing {
namespace {

/// What a micro-batch that is not a step's last one may change, and what not (N26.5).
void expect_kept(const TrainState& before, const TrainState& after) {
  for (std::size_t l = 0; l < before.layers.size(); ++l) {
    const LayerState &was = before.layers[l], &is = after.layers[l];
    EXPECT_TRUE(was.q == is.q && was.residual == is.residual && was.momentum == is.momentum && was.bias == is.bias &&
                was.bias_momentum == is.bias_momentum && was.adam.m == is.adam.m && was.adam.r == is.adam.r &&
                was.adam.blocks == is.adam.blocks && was.bias_adam.m == is.bias_adam.m && was.sv_next == is.sv_next &&
                was.level_read == is.level_read && was.level_write == is.level_write);
  }
  for (std::size_t n = 0; n < before.norms.size(); ++n) {
    const NormState &was = before.norms[n], &is = after.norms[n];
    EXPECT_TRUE(was.gamma == is.gamma && was.beta == is.beta && was.gamma_momentum == is.gamma_momentum &&
                was.beta_momentum == is.beta_momentum);
    EXPECT_FALSE(was.run_mean == is.run_mean);
  }
}

std::vector<std::string> integer_recipes() {
  std::vector<std::string> names;
  const std::filesystem::path int8 = resolve_trace(TraceKind::kRecipe, "int8");
  for (const auto& entry : std::filesystem::directory_iterator(int8.parent_path())) {
    if (!read_recipe(entry.path().string()).fp32) names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class EveryUpdate : public ::testing::TestWithParam<std::string> {};

TrainState three_steps_of_conv_small(const Recipe& recipe, double lr = 0.1) {
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, "conv_small"));
  TrainState state = initial_state(network, recipe, initial_parameters(network, 8));
  GoldenEngine engine(network, recipe, 1);
  std::mt19937_64 random(4);
  Batch batch;
  batch.M = 5;
  batch.scale = input_format(network, recipe, {73, 0.353}).scale;
  for (int i = 0; i < 5 * 2 * 9 * 7; ++i) {
    batch.X.push_back(static_cast<std::int8_t>(static_cast<int>(random() % 15) - 7));
  }
  for (int m = 0; m < 5; ++m) batch.labels.push_back(static_cast<std::uint8_t>(random() % 5));
  const std::vector<std::string> names = layer_names(network);
  const int parts = recipe.update.micro_batches;
  for (int step = 0; step < std::max(3, 2 * parts) && !::testing::Test::HasFailure(); ++step) {
    const StepContext context{77, state.step, nearest_scale(lr), 58982, step};
    if (step == 0) engine.calibrate(state, batch, context);
    const TrainState before = state;
    NamedRecord record;
    engine.step(state, batch, context, ByName(record, network));
    UpdateJudge judge(recipe, context);
    judge.set_powers(state.powers);
    for (std::size_t l = 0; parts > 0 && l < names.size(); ++l) {
      judge.buffer(names[l], static_cast<int>(l), record, before.layers[l], state.layers[l]);
    }
    for (std::size_t n = 0; parts > 0 && n < 2; ++n) {
      const std::string name = n == 0 ? "bn1" : "bn2";
      const NormState &was = before.norms[n], &is = state.norms[n];
      judge.vector_sum(name, record.tensors.at(name + ".dgamma"), power_of_two(24), was.gamma_sum, is.gamma_sum);
      judge.vector_sum(name, record.tensors.at(name + ".dbeta"), power_of_two(24), was.beta_sum, is.beta_sum);
    }
    if (parts > 0 && step % parts != parts - 1) {
      expect_kept(before, state);
      continue;
    }
    for (int l = 0; l < static_cast<int>(names.size()); ++l) {
      const auto at = static_cast<std::size_t>(l);
      const RecipeLayer rule = layer_recipe(recipe, l, static_cast<int>(names.size()), names[at]);
      judge.layer(names[at], l, rule, record, before.layers[at], state.layers[at]);
    }
    judge.norm("bn1", 0, record, before.norms[0], state.norms[0]);
    judge.norm("bn2", 1, record, before.norms[1], state.norms[1]);
  }
  return state;
}

TEST_P(EveryUpdate, ThreeStepsOfConvSmall) {
  three_steps_of_conv_small(read_recipe(resolve_trace(TraceKind::kRecipe, GetParam())));
}

TEST(LwqAdam, SmallStepsRaiseTheLevel) {  // N25.8: levels of reading and writing differ, then are others than at first
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, "lwq_adam"));
  const TrainState state = three_steps_of_conv_small(recipe, 0.0001);
  for (const LayerState& layer : state.layers) EXPECT_GE(layer.level_read, 2);
}

TEST(LwqAdam, GoesWithTheFieldsOfLwq) {  // N25.8 with what no recipe file has: a change each, all in one
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, "lwq_adam"));
  const auto varied = [&](const auto& change) {
    Recipe other = recipe;
    change(other);
    three_steps_of_conv_small(other);
  };
  varied([](Recipe& r) { r.update.stochastic = false; });
  varied([](Recipe& r) { r.update.latent_bits = 24; });
  varied([](Recipe& r) { r.weight.bits = 4; });
  varied([](Recipe& r) { r.update.max_level = 0; });
  varied([](Recipe& r) { r.update.micro_batches = 2; });
  varied([](Recipe& r) {  // a layer with a master weight beside them
    r.overrides["last"].weight = ViewRule{};
    r.weight.bits = 4;
    r.update.stochastic = false;
    r.update.micro_batches = 3;
  });
}

TEST(Widths, OfMastersAndMomenta) {  // N9: at the narrowest and in between, with values that reach the limits
  Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, "int8"));
  recipe.update.momentum_bits = 8;
  recipe.update.momentum_frac_bits = 9;
  for (const int bits : {12, 16, 23}) {
    recipe.update.master_bits = bits;
    recipe.update.master_frac_bits = bits - 1;
    three_steps_of_conv_small(recipe);
  }
}

TEST(Widths, OfLatentWeights) {  // N23.1
  for (const char* name : {"lwq", "lwq_adam", "lwq_nearest"}) {
    Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, name));
    for (const int bits : {2, 3, 5, 6, 7, 8}) {
      recipe.update.latent_bits = bits;
      three_steps_of_conv_small(recipe);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(UpdateJudge, EveryUpdate, ::testing::ValuesIn(integer_recipes()),
                         [](const auto& named) { return named.param; });

}  // namespace
}  // namespace bitloom::testing
