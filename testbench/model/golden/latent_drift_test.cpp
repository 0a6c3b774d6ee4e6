// Do latent weights of 4-bit codes follow updates far below a code's step (N23)? The engine's own update with a
// constant gradient: the table of docs/lwq.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "model/golden/store.hpp"
#include "testbench/model/golden/cases.hpp"
#include "testbench/model/golden/gradient_spread.hpp"

namespace bitloom::testing {
namespace {

constexpr std::size_t kRows = 40, kCols = 10;
constexpr int kAdaptive = -1;

struct Drift {
  double mean = 0.0;    ///< of all weights over all steps, in parts of the update
  double late = 0.0;    ///< of the second half of the steps
  double error = 0.0;   ///< standard error of `mean` over the weights
  double frozen = 0.0;  ///< part of the weights that the second half does not change
  int level = 0;        ///< of the last codes
};

/// Latent weights from all residual codes under a constant update of `update` integer steps, upwards, without momentum.
/// `level` from 0 to 3, or chosen by N23.6.
Drift drift(double update, int level, bool stochastic) {
  Recipe recipe = make_recipe(8, ScaleRule::kExact);
  recipe.update.store = WeightStore::kLatent;
  recipe.update.stochastic = stochastic;
  recipe.update.min_level = level == kAdaptive ? 0 : level;
  recipe.update.max_level = level == kAdaptive ? 3 : level;
  GoldenTools tools(recipe, 1);
  const GoldenStore& store = golden_store(WeightStore::kLatent);
  const RecipeLayer rule{};  // of 8 bits
  LayerState state;
  state.sw = kOne;
  state.sv = state.sv_next = kOne;
  state.level_read = state.level_write = recipe.update.min_level;
  state.momentum.resize(kRows * kCols);
  for (std::size_t i = 0; i < kRows * kCols; ++i) {
    state.q.push_back(static_cast<std::int8_t>(static_cast<int>(i % 41) - 20));
    state.residual.push_back(static_cast<std::int8_t>(static_cast<int>(i % 16) - 8));
  }
  const std::vector<std::int32_t> gradient(kRows * kCols, -64);
  tools.context = {5, 0, nearest_scale(update / 64.0), 0};
  // N23.4 makes the momentum's scale 128 / 127 from the second step on: 63.5 codes, which nearest rounding misses by
  // 0.8 %.
  const auto run = [&](int steps) {
    for (int step = 0; step < steps; ++step, ++tools.context.step) {
      store.update(state, {gradient.data(), kRows, kCols, kOne}, rule, 0, tools);
    }
    const std::vector<float> latent = store.real_weights(state, recipe.update);
    return std::vector<double>(latent.begin(), latent.end());
  };
  const int half = static_cast<int>(std::lround(4.0 / update));  // four integer steps
  const std::vector<double> start = run(0), middle = run(half), end = run(half);
  Drift result;
  double squares = 0.0;
  for (std::size_t i = 0; i < start.size(); ++i) {
    const double moved = (end[i] - start[i]) / (2 * half * update);
    result.mean += moved / static_cast<double>(start.size());
    result.late += (end[i] - middle[i]) / (half * update) / static_cast<double>(start.size());
    result.frozen += (end[i] == middle[i] ? 1.0 : 0.0) / static_cast<double>(start.size());
    squares += moved * moved;
  }
  const auto n = static_cast<double>(start.size());
  result.error = std::sqrt((squares / n - result.mean * result.mean) / n);
  result.level = state.level_read;
  return result;
}

TEST(LatentDrift, StochasticCodesFollowSmallUpdatesAndNearestOnesFreeze) {
  std::printf(
      "| update in steps | level | stochastic: drift | nearest: drift | of it in the second half | frozen weights |\n");
  std::printf("|---|---|---|---|---|---|\n");
  for (const double update : {0.001, 0.01}) {
    for (const int level : {0, 1, 2, 3, kAdaptive}) {
      const Drift random = drift(update, level, true), nearest = drift(update, level, false);
      EXPECT_NEAR(random.mean, 1.0, 0.02) << update << ", level " << level;
      EXPECT_EQ(random.frozen, 0.0) << update << ", level " << level;
      EXPECT_EQ(nearest.late, 0.0) << update << ", level " << level;
      EXPECT_NEAR(nearest.frozen, 1.0, 1e-9) << update << ", level " << level;
      const std::string name = level == kAdaptive ? "adaptive: " + std::to_string(random.level) : std::to_string(level);
      std::printf("| %.3f | %s | %.3f ± %.3f | %.3f | %.3f | %.0f %% |\n", update, name.c_str(), random.mean,
                  random.error, nearest.mean, nearest.late, 100 * nearest.frozen);
    }
  }
}

/// Of the weights of lenet after 150 batches, over 50 further ones.
struct Motion {
  double in_a_step = 0.0;  ///< part whose code a step changes
  double at_all = 0.0;     ///< part whose code some step changes
};

Motion motion(const char* recipe, double rate) {
  constexpr int kSteps = 50;
  TrainedNetwork lenet("lenet", recipe, rate, 150);
  std::vector<std::vector<bool>> moved;
  for (const LayerState& layer : lenet.state().layers) moved.emplace_back(layer.q.size());
  double changes = 0.0, ever = 0.0, weights = 0.0;
  for (int step = 0; step < kSteps; ++step) {
    const TrainState before = lenet.state();
    lenet.step();
    for (std::size_t l = 0; l < moved.size(); ++l) {
      const LayerState &was = before.layers[l], &is = lenet.state().layers[l];
      for (std::size_t i = 0; i < is.q.size(); ++i) {
        const bool changed = is.q[i] != was.q[i] || is.residual[i] != was.residual[i];
        changes += changed ? 1.0 : 0.0;
        moved[l][i] = moved[l][i] || changed;
      }
    }
  }
  for (const std::vector<bool>& of : moved) {
    weights += static_cast<double>(of.size());
    ever += static_cast<double>(std::count(of.begin(), of.end(), true));
  }
  return {changes / weights / kSteps, ever / weights};
}

/// Nearest rounding freezes what moves by less than half a code's step. How many weights that are is a matter of the
/// learning rate.
TEST(LatentDrift, NearestCodesFreezeAtLowRates) {
  std::printf("| recipe | rate | codes that a step changes | weights that 50 steps change |\n|---|---|---|---|\n");
  const auto measure = [](const char* recipe, double rate) {
    const Motion of = motion(recipe, rate);
    std::printf("| %s | %.3f | %.1f %% | %.0f %% |\n", recipe, rate, 100 * of.in_a_step, 100 * of.at_all);
    return of;
  };
  measure("lwq", 0.05);
  EXPECT_GT(measure("lwq_nearest", 0.05).in_a_step, 0.3);
  EXPECT_GT(measure("lwq", 0.005).in_a_step, 0.2);
  const Motion frozen = measure("lwq_nearest", 0.005);
  EXPECT_LT(frozen.in_a_step, 0.01);
  EXPECT_LT(frozen.at_all, 0.1);
}

/// N26: codes of the 8-bit gradient buffer beyond ±127, of which headroom leaves few; 32-bit sums of biases included,
/// of which none is.
TEST(GradientBuffer, FewCodesAreClamped) {
  TrainedNetwork lenet("lenet", "lwq_accumulate", 0.05, 200);
  double clamped = 0.0, written = 0.0;
  for (int micro_batch = 0; micro_batch < 200; ++micro_batch) {
    const NamedRecord record = lenet.step();
    for (const std::string& name : layer_names(lenet.network())) {
      clamped += record.scalars.at(name + ".bufsat");
      written += static_cast<double>(record.tensors.at(name + ".buffer").values.size());
    }
  }
  std::printf("lwq_accumulate: %.4f %% of the codes written are clamped\n", 100.0 * clamped / written);
  EXPECT_LT(clamped / written, 0.004);
  EXPECT_GT(clamped, 0.0);
}

}  // namespace
}  // namespace bitloom::testing
