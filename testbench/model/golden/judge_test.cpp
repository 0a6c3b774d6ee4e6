#include <gtest/gtest.h>

#include <cmath>

#include "model/golden/step.hpp"
#include "testbench/model/golden/cases.hpp"
#include "testbench/model/named_record.hpp"

// The golden step against judges that know nothing of its rules: a case worked out with exact fractions, float64
// algebra on the real numbers that the recorded integers stand for, and finite differences of the float64 loss.

namespace bitloom::testing {
namespace {

using Reals = std::vector<double>;

/// Returns the real numbers of a recorded tensor.
Reals reals(const NamedRecord& record, const std::string& name, double unit) {
  Reals result;
  for (const std::int32_t value : record.tensors.at(name).values) result.push_back(value * unit);
  return result;
}

double scale_of(const NamedRecord& record, const std::string& name) {
  return value(from_word(record.scalars.at(name)));
}

/// One sample, one layer of 1 input and 2 outputs, x = 64 · 2^-6, w = (1, -1/4), b = (1/2, 0), label 1, all half up.
/// Each number was found from docs/numerics.md with unlimited fractions and decimal logarithms.
TEST(Judge, HandWorkedStep) {
  const Network network = perceptron({{"fc1", 1, 2, true, false}});
  Recipe recipe = make_recipe(8, ScaleRule::kExact);
  recipe.gradient.rounding = Rounding::kHalfUp;
  recipe.update.stochastic = false;
  std::vector<NodeParameters> parameters(network.nodes.size());
  parameters[0].weight = {1.0F, -0.25F};
  parameters[0].bias = {0.5F, 0.0F};
  TrainState state = initial_state(network, recipe, parameters);
  const Batch batch{1, {64}, {1}, {32768, 21}};
  NamedRecord record;
  golden_step(network, recipe, state, batch, {1, 0, nearest_scale(0.05), 58982}, ByName(record, network), 1);
  using Values = std::vector<std::int32_t>;
  EXPECT_EQ(record.scalars.at("fc1.sw"), word({33027, 22}));
  EXPECT_EQ(record.tensors.at("fc1.w").values, (Values{127, -32}));
  EXPECT_EQ(record.scalars.at("fc1.s_acc"), word({33027, 28}));
  EXPECT_EQ(record.scalars.at("fc1.ratio_b"), word({65022, 27}));
  EXPECT_EQ(record.tensors.at("fc1.b_acc").values, (Values{4064, 0}));
  EXPECT_EQ(record.tensors.at("fc1.z_raw").values, (Values{12192, -2048}));
  EXPECT_EQ(record.tensors.at("fc1.d_raw").values, (Values{55850, -55850}));  // float64: 55850.27
  EXPECT_EQ(record.scalars.at("loss"), 180772u);                              // float64: 180771.55
  EXPECT_EQ(record.scalars.at("correct"), 0u);
  EXPECT_EQ(record.scalars.at("fc1.sd"), word({56290, 23}));
  EXPECT_EQ(record.tensors.at("fc1.d").values, (Values{127, -127}));
  EXPECT_EQ(record.tensors.at("fc1.dw").values, (Values{8128, -8128}));
  EXPECT_EQ(record.tensors.at("fc1.db").values, (Values{127, -127}));
  EXPECT_EQ(record.tensors.at("fc1.momentum").values, (Values{27925, -27925}));
  EXPECT_EQ(record.tensors.at("fc1.master").values, (Values{2007792, -434928}));
  EXPECT_EQ(record.tensors.at("fc1.bias_momentum").values, (Values{27925, -27925}));
  EXPECT_EQ(record.tensors.at("fc1.bias").values, (Values{7673725, 714883}));
  EXPECT_EQ(record.scalars.at("fc1.wmax"), 2007792u);
}

/// A float64 network with weights [in][out].
struct RealNetwork {
  std::vector<LinearLayer> layers;
  std::vector<Reals> weights, biases;

  /// Returns the mean loss in nats of a batch; `gradients`, when given, receives d loss / d weight by backpropagation.
  double loss(const Reals& input, const std::vector<std::uint8_t>& labels, std::vector<Reals>* gradients) const;

  /// d loss / d weight from the gradient d of the logits, where layer l reads x[l] and passes a gradient back only
  /// where its input is positive in outputs[l].
  std::vector<Reals> backpropagate(const std::vector<Reals>& x, const std::vector<Reals>& outputs, Reals d) const;
};

Reals affine(const LinearLayer& layer, const Reals& x, const Reals& w, const Reals& b, std::size_t samples) {
  const auto in = static_cast<std::size_t>(layer.in);
  const auto out = static_cast<std::size_t>(layer.out);
  Reals z(samples * out);
  for (std::size_t m = 0; m < samples; ++m) {
    for (std::size_t o = 0; o < out; ++o) {
      double sum = b[o];
      for (std::size_t i = 0; i < in; ++i) sum += x[m * in + i] * w[i * out + o];
      z[m * out + o] = layer.relu && sum <= 0.0 ? 0.0 : sum;
    }
  }
  return z;
}

/// Returns the mean loss, and in `gradient` the gradient of the logits.
double cross_entropy(const Reals& logits, const std::vector<std::uint8_t>& labels, Reals& gradient) {
  const std::size_t classes = logits.size() / labels.size();
  const auto samples = static_cast<double>(labels.size());
  gradient.resize(logits.size());
  double loss = 0.0;
  for (std::size_t m = 0; m < labels.size(); ++m) {
    double sum = 0.0;
    for (std::size_t o = 0; o < classes; ++o) sum += std::exp(logits[m * classes + o]);
    loss += std::log(sum) - logits[m * classes + labels[m]];
    for (std::size_t o = 0; o < classes; ++o) {
      const double target = o == labels[m] ? 1.0 : 0.0;
      gradient[m * classes + o] = (std::exp(logits[m * classes + o]) / sum - target) / samples;
    }
  }
  return loss / samples;
}

double RealNetwork::loss(const Reals& input, const std::vector<std::uint8_t>& labels,
                         std::vector<Reals>* gradients) const {
  std::vector<Reals> x{input};
  for (std::size_t l = 0; l < layers.size(); ++l) {
    x.push_back(affine(layers[l], x[l], weights[l], biases[l], labels.size()));
  }
  Reals d;
  const double result = cross_entropy(x.back(), labels, d);
  if (gradients != nullptr) *gradients = backpropagate(x, x, d);
  return result;
}

std::vector<Reals> RealNetwork::backpropagate(const std::vector<Reals>& x, const std::vector<Reals>& outputs,
                                              Reals d) const {
  std::vector<Reals> gradients(layers.size());
  for (std::size_t l = layers.size(); l-- > 0;) {
    const auto in = static_cast<std::size_t>(layers[l].in);
    const auto out = static_cast<std::size_t>(layers[l].out);
    const std::size_t samples = d.size() / out;
    gradients[l].assign(in * out, 0.0);
    Reals below(samples * in, 0.0);
    for (std::size_t m = 0; m < samples; ++m) {
      for (std::size_t i = 0; i < in; ++i) {
        for (std::size_t o = 0; o < out; ++o) {
          gradients[l][i * out + o] += x[l][m * in + i] * d[m * out + o];
          if (l > 0 && outputs[l][m * in + i] > 0.0) below[m * in + i] += d[m * out + o] * weights[l][i * out + o];
        }
      }
    }
    d = std::move(below);
  }
  return gradients;
}

/// The network whose parameters are what the weight codes and accumulator biases of a recorded step stand for.
RealNetwork real_network(const std::vector<LinearLayer>& layers, const NamedRecord& record) {
  RealNetwork network{layers, {}, {}};
  for (const LinearLayer& layer : layers) {
    network.weights.push_back(reals(record, layer.name + ".w", scale_of(record, layer.name + ".sw")));
    network.biases.push_back(reals(record, layer.name + ".b_acc", scale_of(record, layer.name + ".s_acc")));
  }
  return network;
}

double relative_difference(const Reals& got, const Reals& want) {
  double difference = 0.0, size = 0.0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    difference += (got[i] - want[i]) * (got[i] - want[i]);
    size += want[i] * want[i];
  }
  return std::sqrt(difference / size);
}

struct Case {
  Network network = perceptron(12, {10, 8, 5});
  std::vector<LinearLayer> layers = linear_layers(network);
  Recipe recipe;
  TrainState state;
  Batch batch;

  explicit Case(int bits) : recipe(make_recipe(bits, ScaleRule::kExact)) {
    state = make_state(network, recipe, 9);
    batch = make_batch(network, recipe, 32, 5);
  }
  /// A step from the same state with another seed of random words.
  NamedRecord record(std::uint64_t seed) const {
    TrainState copy = state;
    NamedRecord result;
    StepContext context = make_context(copy);
    context.seed64 = seed;
    golden_step(network, recipe, copy, batch, context, ByName(result, network), 1);
    return result;
  }
};

// Every stage, given the recorded inputs of that stage, to within its own rounding.
TEST(Judge, EachStageFollowsRealAlgebra) {
  for (const int bits : {8, 4}) {
    const Case of(bits);
    const NamedRecord record = of.record(77);
    const RealNetwork network = real_network(of.layers, record);
    const std::size_t samples = of.batch.labels.size();
    Reals logits;
    for (std::size_t l = 0; l < of.layers.size(); ++l) {
      const std::string name = of.layers[l].name;
      const double s_acc = scale_of(record, name + ".s_acc");
      const Reals x = reals(record, name + ".x", scale_of(record, name + ".sx"));
      const Reals z = reals(record, name + ".z_raw", s_acc);
      const Reals want = affine(of.layers[l], x, network.weights[l], network.biases[l], samples);
      for (std::size_t i = 0; i < z.size(); ++i) EXPECT_NEAR(z[i], want[i], 1e-4 * (1.0 + std::abs(want[i]))) << name;
      const Reals w = reals(record, name + ".w", scale_of(record, name + ".sw"));
      for (std::size_t i = 0; i < w.size(); ++i) {
        const double master = std::ldexp(of.state.layers[l].master[i], -of.recipe.update.master_frac_bits);
        EXPECT_NEAR(w[i], master, 0.501 * scale_of(record, name + ".sw"));
      }
      if (l + 1 < of.layers.size()) {
        const std::string next = of.layers[l + 1].name;
        const Reals codes = reals(record, next + ".x", scale_of(record, next + ".sx"));
        for (std::size_t i = 0; i < z.size(); ++i) EXPECT_NEAR(codes[i], z[i], 0.501 * scale_of(record, next + ".sx"));
      }
      logits = z;
    }
    Reals gradient;
    const double loss = cross_entropy(logits, of.batch.labels, gradient);
    EXPECT_NEAR(record.scalars.at("loss") * std::log(2.0) / 65536.0 / static_cast<double>(samples), loss, 2e-4);
    const Reals g = reals(record, "fc3.d_raw", std::ldexp(1.0, -16) / static_cast<double>(samples));
    for (std::size_t i = 0; i < g.size(); ++i) EXPECT_NEAR(g[i], gradient[i], 4e-5 / static_cast<double>(samples));
  }
}

// Gradient codes lie within one step of the gradient, on both sides, and average to it over seeds.
TEST(Judge, GradientCodesAreUnbiased) {
  const Case of(4);
  constexpr int kSeeds = 400;
  Reals mean;
  double step = 0.0;
  Reals g;
  for (int seed = 0; seed < kSeeds; ++seed) {
    const NamedRecord record = of.record(static_cast<std::uint64_t>(seed));
    step = scale_of(record, "fc3.sd");
    g = reals(record, "fc3.d_raw", std::ldexp(1.0, -16) / 32.0);
    const Reals d = reals(record, "fc3.d", step);
    mean.resize(d.size());
    for (std::size_t i = 0; i < d.size(); ++i) {
      ASSERT_LT(std::abs(d[i] - g[i]), step);
      mean[i] += d[i] / kSeeds;
    }
  }
  double total = 0.0;
  for (std::size_t i = 0; i < g.size(); ++i) {
    EXPECT_NEAR(mean[i], g[i], 5.0 * 0.5 * step / std::sqrt(kSeeds));  // five standard deviations
    total += mean[i] - g[i];
  }
  EXPECT_LT(std::abs(total), 5.0 * 0.5 * step * std::sqrt(static_cast<double>(g.size()) / kSeeds));
}

/// Returns the mean over many seeds of the dw of each layer, and one of the records.
std::vector<Reals> mean_gradients(const Case& of, NamedRecord& record) {
  constexpr int kSeeds = 400;
  std::vector<Reals> mean(of.layers.size());
  for (int seed = 0; seed < kSeeds; ++seed) {
    record = of.record(static_cast<std::uint64_t>(seed));
    for (std::size_t l = 0; l < of.layers.size(); ++l) {
      const std::string name = of.layers[l].name;
      const Reals dw = reals(record, name + ".dw", scale_of(record, name + ".sx") * scale_of(record, name + ".sd"));
      mean[l].resize(dw.size());
      for (std::size_t i = 0; i < dw.size(); ++i) mean[l][i] += dw[i] / kSeeds;
    }
  }
  return mean;
}

// The expected weight gradient is backpropagation in float64 through the recorded codes, straight through each
// rounding.
TEST(Judge, MeanWeightGradientsFollowBackpropagationThroughTheCodes) {
  for (const int bits : {8, 4}) {
    const Case of(bits);
    NamedRecord record;
    const std::vector<Reals> mean = mean_gradients(of, record);
    std::vector<Reals> x, outputs{{}};
    for (const LinearLayer& layer : of.layers) {
      x.push_back(reals(record, layer.name + ".x", scale_of(record, layer.name + ".sx")));
      outputs.push_back(reals(record, layer.name + ".z_raw", scale_of(record, layer.name + ".s_acc")));
    }
    Reals d;
    cross_entropy(outputs.back(), of.batch.labels, d);
    const std::vector<Reals> want = real_network(of.layers, record).backpropagate(x, outputs, d);
    for (std::size_t l = 0; l < of.layers.size(); ++l) {
      EXPECT_LT(relative_difference(mean[l], want[l]), bits == 8 ? 0.002 : 0.05) << bits << " bits, layer " << l;
    }
  }
}

// And at 8 bits it lies close to the differences of the float64 loss of the whole network, in which no activation is
// rounded.
TEST(Judge, MeanWeightGradientsFollowFiniteDifferences) {
  const Case of(8);
  NamedRecord record;
  const std::vector<Reals> mean = mean_gradients(of, record);
  RealNetwork network = real_network(of.layers, record);
  const Reals input = reals(record, "fc1.x", scale_of(record, "fc1.sx"));
  std::vector<Reals> gradients;
  network.loss(input, of.batch.labels, &gradients);
  for (std::size_t l = 0; l < of.layers.size(); ++l) {
    Reals differences(gradients[l].size());
    for (std::size_t i = 0; i < differences.size(); ++i) {
      const double kept = network.weights[l][i];
      constexpr double kStep = 1e-5;
      network.weights[l][i] = kept + kStep;
      const double above = network.loss(input, of.batch.labels, nullptr);
      network.weights[l][i] = kept - kStep;
      const double below = network.loss(input, of.batch.labels, nullptr);
      network.weights[l][i] = kept;
      differences[i] = (above - below) / (2.0 * kStep);
    }
    EXPECT_LT(relative_difference(gradients[l], differences), 1e-4);
    EXPECT_LT(relative_difference(mean[l], differences), 0.02) << "layer " << l;
  }
}

TEST(Judge, UpdateIsMomentumDescentWithinOneStep) {
  const Case of(8);
  TrainState before = of.state;
  for (int step = 0; step < 3; ++step) {
    TrainState after = before;
    NamedRecord record;
    golden_step(of.network, of.recipe, after, of.batch, make_context(before), ByName(record, of.network), 1);
    for (std::size_t l = 0; l < of.layers.size(); ++l) {
      const std::string name = of.layers[l].name;
      const double v_unit = std::ldexp(1.0, -of.recipe.update.momentum_frac_bits);
      const double w_unit = std::ldexp(1.0, -of.recipe.update.master_frac_bits);
      const Reals dw = reals(record, name + ".dw", scale_of(record, name + ".sx") * scale_of(record, name + ".sd"));
      for (std::size_t i = 0; i < dw.size(); ++i) {
        const double v = 0.9 * before.layers[l].momentum[i] * v_unit + dw[i];
        const double got_v = after.layers[l].momentum[i] * v_unit;
        EXPECT_NEAR(got_v, v, 1.01 * v_unit + 1e-4 * std::abs(v));
        const double w = before.layers[l].master[i] * w_unit - 0.05 * got_v;
        EXPECT_NEAR(after.layers[l].master[i] * w_unit, w, 1.01 * w_unit + 1e-5 * std::abs(got_v));
      }
    }
    before = after;
  }
}

}  // namespace
}  // namespace bitloom::testing
