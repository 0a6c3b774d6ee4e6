// The mean and the spread of whole weight gradients over many random streams: what the gradient quantizers promise, and
// what their biased alternatives lose. One layer whose gradient is the loss's own, so that its exact value is known.
#include <gtest/gtest.h>

#include <cmath>

#include "model/golden/step.hpp"
#include "testbench/model/golden/cases.hpp"
#include "testbench/model/named_record.hpp"

namespace bitloom::testing {
namespace {

constexpr int kSamples = 24, kIn = 12, kOut = 10;
constexpr int kStreams = 600;

struct Spread {
  double bias = 0.0;      ///< |mean − exact| relative to |exact|, Euclidean
  double noise = 0.0;     ///< standard error of that mean, likewise
  double variance = 0.0;  ///< of one gradient, relative to |exact|²
};

/// x · (the layer's exact raw gradient) against dw of steps that differ in their random words only.
Spread measure(const ViewRule& gradient) {
  Recipe recipe = make_recipe(8, ScaleRule::kExact);
  recipe.gradient = gradient;
  recipe.update.momentum_frac_bits = 12;  // so that no momentum is clamped
  const Network network = perceptron(kIn, {16, kOut});
  const TrainState start = make_state(network, recipe, 6);
  const Batch batch = make_batch(network, recipe, kSamples, 2);
  GoldenEngine engine(network, recipe, 1);
  std::vector<double> exact, sum, squares;
  for (int stream = 0; stream < kStreams; ++stream) {
    TrainState state = start;
    NamedRecord record;
    StepContext context = make_context(state);
    context.seed64 = static_cast<std::uint64_t>(stream) * 0x9e3779b97f4a7c15u;
    engine.step(state, batch, context, ByName(record, network));
    const auto& x = record.tensors.at("fc2.x").values;
    const auto& g = record.tensors.at("fc2.d_raw").values;
    const auto& dw = record.tensors.at("fc2.dw").values;
    const double sx = value(from_word(record.scalars.at("fc2.sx")));
    const double unit_of_g = std::ldexp(1.0, -16) / kSamples;
    if (stream == 0) {
      exact.assign(dw.size(), 0.0);
      sum = squares = exact;
      for (std::size_t m = 0; m < kSamples; ++m) {
        for (std::size_t k = 0; k < 16; ++k) {
          for (std::size_t o = 0; o < kOut; ++o) {
            exact[k * kOut + o] += x[m * 16 + k] * sx * g[m * kOut + o] * unit_of_g;
          }
        }
      }
    }
    EXPECT_EQ(record.scalars.at("fc2.vsat"), 0u);
    // What the momentum of the first step holds is the gradient in real units, rounded without bias (N9.1).
    const auto& v = record.tensors.at("fc2.momentum").values;
    for (std::size_t i = 0; i < v.size(); ++i) {
      const double real = std::ldexp(v[i], -recipe.update.momentum_frac_bits);
      sum[i] += real;
      squares[i] += (real - exact[i]) * (real - exact[i]);
    }
  }
  double norm = 0.0, bias = 0.0, variance = 0.0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    norm += exact[i] * exact[i];
    bias += std::pow(sum[i] / kStreams - exact[i], 2);
    variance += squares[i] / kStreams;
  }
  return {std::sqrt(bias / norm), std::sqrt(variance / kStreams / norm), variance / norm};
}

ViewRule log_rule(Rounding rounding, int binades = 6, int samples = 1) {
  ViewRule rule;
  rule.quantizer = Quantizer::kLog;
  rule.rounding = rounding;
  rule.binades = binades;
  rule.samples = samples;
  return rule;
}

ViewRule group_rule(int bits, Groups of_columns, Pruning pruning) {
  ViewRule rule;
  rule.quantizer = Quantizer::kGroup;
  rule.rounding = Rounding::kStochastic;
  rule.dgrad = {bits, Groups::kSample};
  rule.wgrad = {bits, of_columns};
  rule.pruning = pruning;
  rule.factor = pruning == Pruning::kNone ? 1 : 4;
  return rule;
}

ViewRule uniform_rule(Rounding rounding) {
  ViewRule rule;
  rule.rounding = rounding;
  rule.bits = 4;
  return rule;
}

/// An unbiased mean lies within its own noise: |bias| ≈ noise, of which 1.5 times is far outside over 160 elements.
TEST(GradientBias, StochasticQuantizersAreUnbiased) {
  const std::pair<const char*, ViewRule> rules[] = {
      {"log, 6 binades", log_rule(Rounding::kStochastic)},
      {"log, 4 binades", log_rule(Rounding::kStochastic, 4)},
      {"log, 2 samples", log_rule(Rounding::kStochastic, 6, 2)},
      {"uniform 4 bits", uniform_rule(Rounding::kStochastic)},
      {"tensor 4 bits", group_rule(4, Groups::kTensor, Pruning::kNone)},
      {"columns 1 bit", group_rule(1, Groups::kColumn, Pruning::kNone)},
      {"columns 4 bits, Bernoulli", group_rule(4, Groups::kColumn, Pruning::kBernoulli)}};
  for (const auto& [name, rule] : rules) {
    const Spread spread = measure(rule);
    EXPECT_LT(spread.bias, 1.5 * spread.noise) << name;
    std::printf("%-28s bias %.4f (noise %.4f), variance %.4f\n", name, spread.bias, spread.noise, spread.variance);
  }
}

TEST(GradientBias, NearestRoundingAndTopSelectionAreBiased) {
  const std::pair<const char*, ViewRule> rules[] = {
      {"log, half up", log_rule(Rounding::kHalfUp)},
      {"uniform 4 bits, half up", uniform_rule(Rounding::kHalfUp)},
      {"columns 4 bits, top", group_rule(4, Groups::kColumn, Pruning::kTop)}};
  for (const auto& [name, rule] : rules) {
    const Spread spread = measure(rule);
    EXPECT_GT(spread.bias, 4.0 * spread.noise) << name;
    std::printf("%-28s bias %.4f (noise %.4f), variance %.4f\n", name, spread.bias, spread.noise, spread.variance);
  }
}

TEST(GradientBias, TwoSamplesHalveTheVariance) {
  const Spread one = measure(log_rule(Rounding::kStochastic));
  const Spread two = measure(log_rule(Rounding::kStochastic, 6, 2));
  EXPECT_NEAR(two.variance / one.variance, 0.5, 0.05);
}

}  // namespace
}  // namespace bitloom::testing
