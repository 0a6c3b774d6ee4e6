// What the gradient quantizers of the ablations do to the weight gradients of real layers, and what scales from the
// last step clamp: the tables of docs/luq.md, docs/fqt1.md and docs/baselines.md. Networks are trained on drawn images
// first.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "testbench/model/golden/gradient_spread.hpp"

namespace bitloom::testing {
namespace {

constexpr int kStreams = 400;
constexpr int kManyStreams = 2000;

using Spreads = std::map<std::string, GradientSpread>;  ///< by recipe

Spreads spreads(const TrainedNetwork& of, const NamedRecord& step, const std::string& layer,
                std::initializer_list<const char*> recipes, int streams = kStreams) {
  Spreads result;
  std::printf("| recipe | weight gradient of %s: gain | squared bias | variance |\n|---|---|---|---|\n", layer.c_str());
  for (const char* recipe : recipes) {
    const GradientSpread spread = result[recipe] = gradient_spread(of, step, layer, recipe, streams);
    std::printf("| %s | %+.2f ± %.2f %% | %.4f ± %.4f | %.3f |\n", recipe, 100 * spread.gain, 100 * spread.gain_error,
                spread.bias, spread.bias_error, spread.variance);
  }
  return result;
}

void expect_unbiased(const GradientSpread& of, const std::string& what) {
  EXPECT_LT(std::abs(of.gain), 4 * of.gain_error) << what;
  EXPECT_LT(of.bias, 4 * of.bias_error) << what;
}

/// Streams are the same at every run, so these bounds hold always or never; 4 errors leave room for other images.
TEST(Ablation, LogarithmicGradientsOfLenet) {
  TrainedNetwork lenet("lenet", "luq", 0.05, 150);
  const NamedRecord step = lenet.step();
  for (const char* layer : {"conv2", "fc1"}) {
    const Spreads of =
        spreads(lenet, step, layer, {"luq", "luq_biased", "luq_r4", "luq_smp2", "luq_pow2", "luq_uniform"});
    for (const char* recipe : {"luq", "luq_r4", "luq_smp2", "luq_pow2", "luq_uniform"}) {
      expect_unbiased(of.at(recipe), std::string(layer) + ", " + recipe);
      EXPECT_LT(of.at(recipe).gain_error, 0.005) << layer;  // so that a bias of 2 % is seen
    }
    EXPECT_GT(of.at("luq_biased").bias, 0.02) << layer;
    EXPECT_LT(of.at("luq_biased").variance, 1e-6) << layer;
    EXPECT_NEAR(of.at("luq_r4").variance / of.at("luq").variance, 1.2, 0.1) << layer;
    EXPECT_NEAR(of.at("luq_smp2").variance / of.at("luq").variance, 0.5, 0.05) << layer;
    EXPECT_NEAR(of.at("luq_uniform").variance / of.at("luq").variance, 1.5, 0.25) << layer;
  }
}

/// The bias that words of 8 bits leave (exact), against what was drawn with them. With 16 bits it all but goes, save
/// where 0 is exactly a code (N21.1), which 8 suffice for and 16 would tell from it by the ratio's rounding.
void expect_bias_of_words(const TrainedNetwork& of, const NamedRecord& step, const char* layer, const char* recipe,
                          const GradientSpread& drawn) {
  const GradientSpread words = bias_of_words(of, step, layer, recipe, 8),
                       wider = bias_of_words(of, step, layer, recipe, 16);
  std::printf(
      "%s, %s: words of 8 bits must leave a gain of %+.2f %% and a squared bias of %.5f; of 16 bits %+.3f %%, %.6f\n",
      layer, recipe, 100 * words.gain, words.bias, 100 * wider.gain, wider.bias);
  EXPECT_NEAR(drawn.gain, words.gain, 4 * drawn.gain_error) << layer << ", " << recipe;
  EXPECT_NEAR(drawn.bias, words.bias, 4 * drawn.bias_error) << layer << ", " << recipe;
  EXPECT_LT(std::min(words.bias, wider.bias), 0.0005) << layer << ", " << recipe;
}

TEST(Ablation, PrunedGradientsOfLenet) {
  TrainedNetwork lenet("lenet_bn", "fqt1", 0.05, 150);
  const NamedRecord step = lenet.step();
  for (const char* layer : {"conv2", "fc1"}) {
    const Spreads of = spreads(lenet, step, layer, {"fqt1", "fqt1_bernoulli"});
    expect_unbiased(of.at("fqt1_bernoulli"), layer);
    EXPECT_LT(bias_of_words(lenet, step, layer, "fqt1_bernoulli", 8).bias, 0.001) << layer;
    EXPECT_GT(of.at("fqt1").bias, 0.5) << layer;
    EXPECT_LT(of.at("fqt1").gain, -0.5) << layer;
    EXPECT_LT(of.at("fqt1").variance, 0.1 * of.at("fqt1_bernoulli").variance) << layer;
  }
}

/// A squared bias of 0.52 in a gradient whose squared noise is 250 takes thousands of streams to see.
TEST(Ablation, OneBitGradientsWithoutPruning) {
  TrainedNetwork lenet("lenet_bn", "fqt1", 0.05, 150);
  const NamedRecord step = lenet.step();
  const GradientSpread conv2 = spreads(lenet, step, "conv2", {"fqt1_psq"}, kManyStreams).at("fqt1_psq");
  EXPECT_GT(conv2.bias, 4 * conv2.bias_error);
  expect_bias_of_words(lenet, step, "conv2", "fqt1_psq", conv2);
  const GradientSpread fc1 = spreads(lenet, step, "fc1", {"fqt1_psq"}).at("fqt1_psq");
  expect_bias_of_words(lenet, step, "fc1", "fqt1_psq", fc1);
  expect_unbiased(fc1, "fc1");
}

/// PSQ and PTQ, in the first layer too, of 50,000 rows, whose products once left N12's range and cancelled (N21.2's J):
/// a gain of −95 and −100 %.
TEST(Ablation, GroupedGradientsOfLenet) {
  TrainedNetwork lenet("lenet", "psq", 0.05, 60);
  const NamedRecord step = lenet.step();
  for (const char* layer : {"conv1", "conv2"}) {
    const Spreads of = spreads(lenet, step, layer, {"psq", "ptq"});
    for (const char* recipe : {"psq", "ptq"}) expect_bias_of_words(lenet, step, layer, recipe, of.at(recipe));
  }
}

/// Of the scales that hindsight used, divided by what exact maxima of the same tensors give; and of the values.
struct Hindsight {
  std::vector<double> ratios;
  std::uint64_t clamped = 0, values = 0;

  void print(const char* what) {
    std::sort(ratios.begin(), ratios.end());
    const auto at = [&](double part) {
      return ratios[static_cast<std::size_t>(part * static_cast<double>(ratios.size() - 1))];
    };
    std::printf("| %s | %.2f | %.2f | %.2f | %.2f | %.4f %% |\n", what, at(0.01), at(0.5), at(0.99), at(1.0),
                clamped_percent());
  }
  double clamped_percent() const { return 100.0 * static_cast<double>(clamped) / static_cast<double>(values); }
};

TEST(Ablation, HindsightAgainstExactMaximum) {
  std::printf(
      "| scale, used / exact | 1 %% of them below | median | 99 %% below | largest | values clamped "
      "|\n|---|---|---|---|---|---|\n");
  TrainedNetwork int8("lenet", "int8_hindsight", 0.05, 0), luq("lenet", "luq_hindsight", 0.05, 0);
  Hindsight x, d, log;
  int8.step();  // calibrates: nothing to compare with
  luq.step();
  const std::vector<std::string> names = layer_names(int8.network());
  for (int i = 0; i < 200; ++i) {
    const TrainState before = int8.state(), log_before = luq.state();
    const NamedRecord step = int8.step(), log_step = luq.step();
    const auto add = [](Hindsight& to, double ratio, const NamedRecord& record, const std::string& codes) {
      to.ratios.push_back(ratio);
      to.clamped += record.scalars.at(codes + "sat");
      to.values += record.tensors.at(codes).values.size();
    };
    for (std::size_t l = 0; l < names.size(); ++l) {
      const LayerState &was = before.layers[l], &is = int8.state().layers[l];
      if (l > 0) add(x, value(was.sx_next) / value(is.sx_next), step, names[l] + ".x");
      add(d, value(was.sd_next) / value(is.sd_next), step, names[l] + ".d");
      const double mean = value(log_before.layers[l].mhat);
      if (mean > 0.0) add(log, mean / (2.0 * value(luq.state().layers[l].mhat) - mean), log_step, names[l] + ".d");
    }
  }
  x.print("int8_hindsight, activations");
  d.print("int8_hindsight, gradients");
  log.print("luq_hindsight, gradients");
  for (const Hindsight* of : {&x, &d, &log}) {
    EXPECT_NEAR(of->ratios[of->ratios.size() / 2], 1.0, 0.1);
    EXPECT_GT(of->clamped, 0u);
    EXPECT_LT(of->clamped_percent(), 0.1);
  }
}

}  // namespace
}  // namespace bitloom::testing
